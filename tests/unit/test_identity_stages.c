/*
 * The stages of a node's certificate: one after another, and killed between any two system calls. A child
 * does a change under ptrace and is killed at its n-th call, for every n; afterwards each stage is the old or
 * the new one, whole, and doing the change again ends as if nothing had happened.
 */
#include "base/file.h"
#include "identity/key.h"
#include "identity/stages.h"
#include "x509/request.h"
#include "x509/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[64];
static char folder[80];
static struct seal *seal;
static struct identity *first, *second, *third;
static X509_REQ *request; /* of the second's key */

static struct identity *make(const char *name)
{
    const struct key_kind kind = {KEY_EC, 256};
    char slash[64];
    X509_NAME *subject;
    struct identity *identity;

    snprintf(slash, sizeof(slash), "/CN=%s", name);
    subject = x509_parse_subject(slash, NULL);
    identity = identity_self_signed(key_generate(&kind, NULL, NULL, NULL), subject, NULL, 0, NULL);
    X509_NAME_free(subject);
    return identity;
}

static int set_up(void **state)
{
    const char *base = getenv("TMPDIR");
    X509_NAME *subject = x509_parse_subject("/CN=second", NULL);

    (void)state;
    snprintf(home, sizeof(home), "%.40s/stages.XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(home) == NULL || seal_make(home, NULL) != 0)
        return -1;
    snprintf(folder, sizeof(folder), "%s/keys", home);
    seal = seal_open(home, NULL);
    first = make("first");
    second = make("second");
    third = make("third");
    request = x509_make_request(second->key, subject, NULL, NULL);
    X509_NAME_free(subject);
    return seal != NULL && first != NULL && second != NULL && third != NULL && request != NULL ? 0 : -1;
}

static void empty_folder(void)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;

    while ((entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "seal.key") != 0)
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
}

static int tear_down(void **state)
{
    char path[100];

    (void)state;
    empty_folder();
    snprintf(path, sizeof(path), "%s/seal.key", folder);
    unlink(path);
    rmdir(folder);
    seal_close(seal);
    identity_free(first);
    identity_free(second);
    identity_free(third);
    X509_REQ_free(request);
    return rmdir(home);
}

/* Which of the three it is: 1, 2, 3; 0 for none; fails for a broken one. Frees it. */
static int which(struct identity *identity, const struct error *err)
{
    int number = 0;

    if (identity == NULL) {
        if (err->code != ERROR_NOT_FOUND)
            fail_msg("%s", err->message);
        return 0;
    }
    assert_int_equal(X509_check_private_key(identity->certificate, identity->key), 1);
    number = X509_cmp(identity->certificate, first->certificate) == 0    ? 1
             : X509_cmp(identity->certificate, second->certificate) == 0 ? 2
             : X509_cmp(identity->certificate, third->certificate) == 0  ? 3
                                                                         : -1;
    identity_free(identity);
    return number;
}

struct stages {
    int in_service, waiting, previous;
    bool pending;
};

static struct stages look(void)
{
    struct stages stages;
    struct error err = {0};
    struct pending *pending;

    stages.in_service = which(stage_in_service(folder, &err), &err);
    stages.waiting = which(stage_waiting(folder, &err), &err);
    stages.previous = which(stage_previous(folder, seal, &err), &err);
    err = (struct error){0};
    pending = stage_pending(folder, &err);
    if (pending == NULL && err.code != ERROR_NOT_FOUND)
        fail_msg("%s", err.message);
    stages.pending = pending != NULL;
    pending_free(pending);
    return stages;
}

static void assert_stages(int in_service, int waiting, int previous, bool pending)
{
    struct stages stages = look();

    assert_int_equal(stages.in_service, in_service);
    assert_int_equal(stages.waiting, waiting);
    assert_int_equal(stages.previous, previous);
    assert_int_equal(stages.pending, pending);
}

static void goes_through_the_stages(void **state)
{
    struct error err = {0};
    struct pending *pending;
    bool promoted = true;

    (void)state;
    empty_folder();
    assert_int_equal(stage_promote(folder, seal, &promoted, &err), 0);
    assert_false(promoted);
    assert_int_equal(identity_save(first, folder, &err), 0);
    assert_int_equal(stage_pend(second->key, request, folder, &err), 0);
    assert_stages(1, 0, 0, true);
    pending = stage_pending(folder, &err);
    assert_int_equal(EVP_PKEY_eq(pending->key, second->key), 1);
    assert_in_range((unsigned long)pending->made_ms, 1700000000000UL, 9900000000000UL);
    pending_free(pending);
    assert_int_equal(stage_wait(second, folder, &err), 0);
    assert_stages(1, 2, 0, true);
    assert_int_equal(stage_withdraw(folder, &err), 0);
    assert_stages(1, 0, 0, true);
    assert_int_equal(stage_withdraw(folder, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(stage_wait(second, folder, &err), 0);
    assert_int_equal(stage_promote(folder, seal, &promoted, &err), 0);
    assert_true(promoted);
    assert_stages(2, 0, 1, false);
    assert_int_equal(stage_promote(folder, seal, &promoted, &err), 0);
    assert_false(promoted);
    assert_stages(2, 0, 1, false);
}

static void a_request_of_another_key_stays_pending(void **state)
{
    (void)state;
    empty_folder();
    assert_int_equal(identity_save(first, folder, NULL), 0);
    assert_int_equal(stage_pend(second->key, request, folder, NULL), 0);
    assert_int_equal(stage_wait(third, folder, NULL), 0);
    assert_int_equal(stage_promote(folder, seal, NULL, NULL), 0);
    assert_stages(3, 0, 1, true);
}

static void change_file(const char *name, const char *content)
{
    char path[120];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(file_write(path, content, strlen(content), 0600, NULL), 0);
}

static void says_what_is_broken(void **state)
{
    struct error err = {0};
    char path[120];
    bool promoted;

    (void)state;
    empty_folder();
    assert_int_equal(identity_save(first, folder, NULL), 0);
    change_file("waiting.pem", "nonsense");
    assert_int_equal(stage_promote(folder, seal, &promoted, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_int_equal(which(stage_in_service(folder, &err), &err), 1);
    change_file("pending.pem", "nonsense");
    assert_null(stage_pending(folder, &err));
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    change_file("previous.sealed", "too short");
    assert_null(stage_previous(folder, seal, &err));
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    change_file("previous.sealed", "long enough for a seal, but nothing that this node has sealed");
    assert_null(stage_previous(folder, seal, &err));
    assert_int_equal(err.code, ERROR_UNTRUSTED);
    assert_int_equal(stage_pend(second->key, request, folder, NULL), 0);
    snprintf(path, sizeof(path), "%s/pending.pem", folder);
    assert_int_equal(chmod(path, 0644), 0);
    assert_null(stage_pending(folder, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

static void the_previous_key_is_sealed(void **state)
{
    char path[120], *data;
    size_t length;

    (void)state;
    empty_folder();
    assert_int_equal(identity_save(first, folder, NULL), 0);
    assert_int_equal(stage_wait(second, folder, NULL), 0);
    assert_int_equal(stage_promote(folder, seal, NULL, NULL), 0);
    snprintf(path, sizeof(path), "%s/previous.sealed", folder);
    assert_int_equal(file_read(path, 100000, &data, &length, NULL), 0);
    assert_null(memmem(data, length, "PRIVATE", 7));
    assert_null(memmem(data, length, "BEGIN", 5));
    free(data);
}

/* --- killed at every system call
 * ------------------------------------------------------------------------------- */

static int do_promote(void)
{
    return stage_promote(folder, seal, NULL, NULL);
}

static int do_wait(void)
{
    return stage_wait(third, folder, NULL);
}

static int do_pend(void)
{
    return stage_pend(second->key, request, folder, NULL);
}

static int do_withdraw(void)
{
    return stage_withdraw(folder, NULL);
}

/* Runs `change` in a child that dies at its n-th stop (before and after each call). 1: it ended before that;
 * 0: it was killed; -1: there is no ptrace here. */
static int run_until(int (*change)(void), int stops)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        raise(SIGSTOP);
        _exit(change() == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        return -1;
    ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(uintptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    for (int i = 0; i < stops; i++) {
        if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0)
            break;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return 1;
        }
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    return 0;
}

static void prepare_wait(void)
{
    empty_folder();
    assert_int_equal(identity_save(first, folder, NULL), 0);
    assert_int_equal(stage_pend(second->key, request, folder, NULL), 0);
    assert_int_equal(stage_wait(second, folder, NULL), 0);
}

static int leftovers(void)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(entries)) != NULL)
        count += strstr(entry->d_name, ".pem.") != NULL || strstr(entry->d_name, ".sealed.") != NULL;
    closedir(entries);
    return count;
}

#define STOPS_MAX 4000

static void try_everywhere(int (*change)(void), struct stages before, struct stages after)
{
    int killed = 0;

    for (int stops = 1; stops < STOPS_MAX; stops++) {
        struct stages now;
        int ended;

        prepare_wait();
        ended = run_until(change, stops);
        if (ended < 0)
            skip();
        now = look();
        assert_true(now.in_service == before.in_service || now.in_service == after.in_service);
        assert_true(now.waiting == before.waiting || now.waiting == after.waiting);
        assert_true(now.previous == before.previous || now.previous == after.previous);
        assert_true(now.pending == before.pending || now.pending == after.pending);
        assert_true(now.in_service != 0);
        if (ended == 1) {
            assert_true(killed > 10);
            return;
        }
        killed++;
    }
    fail_msg("the change did not end within %d stops", STOPS_MAX);
}

static void promotion_may_be_cut_short_anywhere(void **state)
{
    (void)state;
    for (int stops = 1; stops < STOPS_MAX; stops++) {
        struct stages now;
        int ended;

        prepare_wait();
        ended = run_until(do_promote, stops);
        if (ended < 0)
            skip();
        now = look();
        /* never a moment without one in service, and the old one is safe before the new one takes its place
         */
        if (now.in_service == 1)
            assert_int_equal(now.waiting, 2);
        else
            assert_true(now.in_service == 2 && now.previous == 1 && now.waiting == 0);
        /* the next start finishes what was begun, and clears away the rest */
        assert_int_equal(stage_promote(folder, seal, NULL, NULL), 0);
        now = look();
        assert_int_equal(now.in_service, 2);
        assert_int_equal(now.waiting, 0);
        assert_int_equal(now.previous, 1);
        assert_int_equal(leftovers(), 0);
        if (ended == 1)
            return;
    }
    fail_msg("the promotion did not end within %d stops", STOPS_MAX);
}

static void waiting_may_be_cut_short_anywhere(void **state)
{
    (void)state;
    try_everywhere(do_wait, (struct stages){1, 2, 0, true}, (struct stages){1, 3, 0, true});
}

static void pending_may_be_cut_short_anywhere(void **state)
{
    (void)state;
    try_everywhere(do_pend, (struct stages){1, 2, 0, true}, (struct stages){1, 2, 0, true});
}

static void withdrawal_may_be_cut_short_anywhere(void **state)
{
    int ended = 0;

    (void)state;
    for (int stops = 1; ended != 1 && stops < STOPS_MAX; stops++) {
        struct stages now;

        prepare_wait();
        ended = run_until(do_withdraw, stops);
        if (ended < 0)
            skip();
        now = look();
        assert_true(now.in_service == 1 && now.pending && (now.waiting == 2 || now.waiting == 0));
    }
    assert_int_equal(look().waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_through_the_stages),
        cmocka_unit_test(a_request_of_another_key_stays_pending),
        cmocka_unit_test(says_what_is_broken),
        cmocka_unit_test(the_previous_key_is_sealed),
        cmocka_unit_test(promotion_may_be_cut_short_anywhere),
        cmocka_unit_test(waiting_may_be_cut_short_anywhere),
        cmocka_unit_test(pending_may_be_cut_short_anywhere),
        cmocka_unit_test(withdrawal_may_be_cut_short_anywhere),
    };

    return cmocka_run_group_tests_name("identity stages", tests, set_up, tear_down);
}
