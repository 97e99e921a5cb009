/* Encrypted streams: what goes in comes out, and nothing that was changed, cut, lengthened or reordered does.
 */
#include "store/sealed_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define PASSPHRASE "a passphrase of some length"

static uint8_t *pattern(size_t length)
{
    uint8_t *bytes = malloc(length + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    return bytes;
}

/* A file in memory with `length` bytes sealed. */
static int sealed(size_t length, size_t step)
{
    int fd = memfd_create("sealed", MFD_CLOEXEC);
    uint8_t *bytes = pattern(length);
    struct error err = {0};
    struct sealed_writer *writer = sealed_writer_new(fd, PASSPHRASE, SEALED_FILE_WORK_LEAST, &err);

    assert_non_null(writer);
    for (size_t at = 0; at < length; at += step)
        assert_int_equal(sealed_writer_add(writer, bytes + at, length - at < step ? length - at : step, &err),
                         0);
    assert_int_equal(sealed_writer_finish(writer, &err), 0);
    sealed_writer_free(writer);
    free(bytes);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Reads all of it: the length, or -1. */
static long unsealed(int fd, const char *passphrase, struct error *err)
{
    struct sealed_reader *reader;
    uint8_t part[7777];
    long length = 0;
    size_t got = sizeof(part);

    lseek(fd, 0, SEEK_SET);
    reader = sealed_reader_new(fd, passphrase, err);
    if (reader == NULL)
        return -1;
    while (got == sizeof(part)) {
        if (sealed_reader_get(reader, part, sizeof(part), &got, err) != 0) {
            length = -1;
            break;
        }
        for (size_t i = 0; i < got; i++) {
            size_t place = (size_t)length + i;
            assert_int_equal(part[i], (uint8_t)(place * 31 + place / 251));
        }
        length += (long)got;
    }
    sealed_reader_free(reader);
    return length;
}

static void gives_back_what_went_in(void **state)
{
    static const size_t lengths[] = {0,
                                     1,
                                     SEALED_FILE_CHUNK - 1,
                                     SEALED_FILE_CHUNK,
                                     SEALED_FILE_CHUNK + 1,
                                     2 * SEALED_FILE_CHUNK,
                                     3 * SEALED_FILE_CHUNK + 12345};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        int fd = sealed(lengths[i], 1 + lengths[i] / 3);
        struct error err = {0};
        size_t chunks = lengths[i] == 0 ? 1 : (lengths[i] + SEALED_FILE_CHUNK - 1) / SEALED_FILE_CHUNK;

        assert_int_equal(unsealed(fd, PASSPHRASE, &err), (long)lengths[i]);
        assert_int_equal(lseek(fd, 0, SEEK_END),
                         (long)(SEALED_FILE_HEADER + lengths[i] + chunks * SEALED_FILE_TAG));
        close(fd);
    }
}

static void refuses_another_passphrase(void **state)
{
    int fd = sealed(100, 100);
    struct error err = {0};

    (void)state;
    assert_int_equal(unsealed(fd, PASSPHRASE "x", &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    assert_int_equal(unsealed(fd, "", &err), -1);
    close(fd);
}

static void refuses_every_cut(void **state)
{
    size_t whole = SEALED_FILE_HEADER + 2 * (SEALED_FILE_CHUNK + SEALED_FILE_TAG) + 100 + SEALED_FILE_TAG;
    const size_t cuts[] = {whole - 1,
                           whole - 100 - SEALED_FILE_TAG, /* at a chunk's end */
                           whole - 100 - SEALED_FILE_TAG + 5,
                           SEALED_FILE_HEADER + SEALED_FILE_CHUNK + SEALED_FILE_TAG,
                           SEALED_FILE_HEADER + 1,
                           SEALED_FILE_HEADER,
                           SEALED_FILE_HEADER - 1,
                           20,
                           3,
                           0};

    (void)state;
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        int fd = sealed(2 * SEALED_FILE_CHUNK + 100, 10000);
        struct error err = {0};

        assert_int_equal(lseek(fd, 0, SEEK_END), (long)whole);
        assert_int_equal(ftruncate(fd, (off_t)cuts[i]), 0);
        if (unsealed(fd, PASSPHRASE, &err) != -1)
            fail_msg("a file cut to %zu bytes is taken for whole", cuts[i]);
        assert_true(err.code == ERROR_UNTRUSTED || err.code == ERROR_INVALID_ARGUMENT);
        close(fd);
    }
}

static void flip(int fd, off_t at)
{
    uint8_t byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x80;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void refuses_every_change(void **state)
{
    int fd = sealed(SEALED_FILE_CHUNK + 100, 10000);
    off_t whole = lseek(fd, 0, SEEK_END);
    /* each field of the header, both chunks, both tags */
    const off_t places[] = {0,
                            15,
                            16,
                            19,
                            20,
                            21,
                            22,
                            23,
                            24,
                            27,
                            28,
                            31,
                            32,
                            63,
                            64,
                            95,
                            96,
                            97,
                            SEALED_FILE_HEADER + SEALED_FILE_CHUNK,
                            whole - 100,
                            whole - 1};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct error err = {0};

        flip(fd, places[i]);
        if (unsealed(fd, PASSPHRASE, &err) != -1)
            fail_msg("byte %ld may be changed", (long)places[i]);
        flip(fd, places[i]);
    }
    assert_int_equal(unsealed(fd, PASSPHRASE, NULL), SEALED_FILE_CHUNK + 100);
    close(fd);
}

static void refuses_another_order(void **state)
{
    enum { SEALED = SEALED_FILE_CHUNK + SEALED_FILE_TAG };
    static uint8_t first[SEALED];
    static uint8_t second[SEALED];
    int fd = sealed(3 * SEALED_FILE_CHUNK, 10000);
    struct error err = {0};

    (void)state;
    assert_int_equal(pread(fd, first, SEALED, SEALED_FILE_HEADER), SEALED);
    assert_int_equal(pread(fd, second, SEALED, SEALED_FILE_HEADER + SEALED), SEALED);
    assert_int_equal(pwrite(fd, second, SEALED, SEALED_FILE_HEADER), SEALED);
    assert_int_equal(pwrite(fd, first, SEALED, SEALED_FILE_HEADER + SEALED), SEALED);
    assert_int_equal(unsealed(fd, PASSPHRASE, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    close(fd);
}

static void refuses_what_stands_behind(void **state)
{
    int fd = sealed(100, 100);
    struct error err = {0};

    (void)state;
    assert_int_equal(pwrite(fd, "x", 1, lseek(fd, 0, SEEK_END)), 1);
    assert_int_equal(unsealed(fd, PASSPHRASE, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    close(fd);
}

/* A header that asks for a terabyte of scrypt must not be obeyed: nobody has proved the passphrase yet. */
static void refuses_to_work_itself_to_death(void **state)
{
    int fd = sealed(100, 100);
    const uint8_t values[] = {63, 255, 255};
    struct error err = {0};

    (void)state;
    assert_int_equal(pwrite(fd, values, sizeof(values), 20), sizeof(values));
    assert_int_equal(unsealed(fd, PASSPHRASE, &err), -1);
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    close(fd);
}

static void never_repeats_itself(void **state)
{
    int one = sealed(100, 100);
    int other = sealed(100, 100);
    uint8_t bytes[2][SEALED_FILE_HEADER + 100];

    (void)state;
    assert_int_equal(pread(one, bytes[0], sizeof(bytes[0]), 0), sizeof(bytes[0]));
    assert_int_equal(pread(other, bytes[1], sizeof(bytes[1]), 0), sizeof(bytes[1]));
    assert_memory_not_equal(bytes[0] + 32, bytes[1] + 32, 32); /* the salt */
    assert_memory_not_equal(bytes[0] + SEALED_FILE_HEADER, bytes[1] + SEALED_FILE_HEADER, 100);
    close(one);
    close(other);
}

static void says_when_the_disk_is_full(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct error err = {0};

    (void)state;
    assert_true(fd >= 0);
    assert_null(sealed_writer_new(fd, PASSPHRASE, SEALED_FILE_WORK_LEAST, &err));
    assert_int_equal(err.code, ERROR_STORE_FULL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_went_in),
        cmocka_unit_test(refuses_another_passphrase),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(refuses_every_change),
        cmocka_unit_test(refuses_another_order),
        cmocka_unit_test(refuses_what_stands_behind),
        cmocka_unit_test(refuses_to_work_itself_to_death),
        cmocka_unit_test(never_repeats_itself),
        cmocka_unit_test(says_when_the_disk_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
