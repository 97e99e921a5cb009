/* Mails that wait in the store: order, back-off, end, room. */
#include "store_fixture.h"

#include "base/clock.h"
#include "store/mail_queue.h"

#define HOUR_MS (3600 * 1000LL)

enum step { ADD, ADD_MANY, PUT, REMOVE };

struct work {
    enum step step;
    const char *subject;
    const char *body;
    struct queued_mail mail;
    unsigned count;
};

static int do_work(struct store_txn *txn, void *arg, struct error *err)
{
    struct work *work = arg;

    switch (work->step) {
    case ADD:
        return mail_queue_add(txn, work->subject, work->body, "boss@example.com", err);
    case ADD_MANY:
        for (unsigned i = 0; i < work->count; i++) {
            if (mail_queue_add(txn, work->subject, "b", "", err) != 0)
                return -1;
        }
        return 0;
    case PUT:
        return mail_queue_put(txn, &work->mail, err);
    case REMOVE:
        return mail_queue_remove(txn, work->mail.number, err);
    }
    return -1;
}

static void run_ok(struct store *store, struct work work)
{
    struct error err = {0};

    assert_ok(store_run(store, do_work, &work, &err), err);
}

struct seen {
    unsigned count;
    struct queued_mail first;
    char subjects[256];
    char problem[64];
    char further[64];
};

static int see(void *arg, const struct queued_mail *mail)
{
    struct seen *seen = arg;
    size_t used = strlen(seen->subjects);

    if (seen->count++ == 0) {
        seen->first = *mail;
        snprintf(seen->problem, sizeof(seen->problem), "%s", mail->problem);
        snprintf(seen->further, sizeof(seen->further), "%s", mail->further);
    }
    snprintf(seen->subjects + used, sizeof(seen->subjects) - used, "%s,", mail->subject);
    return 0;
}

static struct seen look(struct store *store)
{
    struct store_txn *txn = store_read(store, NULL);
    struct seen seen = {0};
    struct error err = {0};

    assert_non_null(txn);
    assert_ok(mail_queue_each(txn, see, &seen, &err), err);
    store_end(txn);
    return seen;
}

static void in_and_out(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;

    run_ok(fixture->store, (struct work){.step = ADD, .subject = "one", .body = "a\nb\n"});
    run_ok(fixture->store, (struct work){.step = ADD, .subject = "two", .body = ""});
    run_ok(fixture->store, (struct work){.step = ADD, .subject = "three", .body = ""});
    seen = look(fixture->store);
    assert_string_equal(seen.subjects, "one,two,three,");
    assert_int_equal(seen.first.tries, 0);
    assert_true(mail_queue_is_due(&seen.first, clock_wall_ms()));
    seen.first.subject = "one";
    seen.first.body = "";
    seen.first.delivered = "a@b";
    seen.first.further = "boss@example.com";
    mail_queue_failed(&seen.first, "nobody there", clock_wall_ms());
    run_ok(fixture->store, (struct work){.step = PUT, .mail = seen.first});
    seen = look(fixture->store);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.first.tries, 1);
    assert_string_equal(seen.problem, "nobody there");
    assert_string_equal(seen.further, "boss@example.com");
    run_ok(fixture->store, (struct work){.step = REMOVE, .mail = seen.first});
    assert_string_equal(look(fixture->store).subjects, "two,three,");
    /* what was taken away while it was being sent does not come back */
    seen.first.subject = seen.first.body = seen.first.problem = seen.first.delivered = seen.first.further =
        "";
    run_ok(fixture->store, (struct work){.step = PUT, .mail = seen.first});
    assert_string_equal(look(fixture->store).subjects, "two,three,");
}

static void the_pauses_grow_until_the_end(void **state)
{
    struct queued_mail mail = {.when_ms = 1000000000000};
    int64_t now_ms = mail.when_ms;
    int64_t before_ms = 0;

    (void)state;
    for (unsigned i = 0; !mail.given_up; i++) {
        int64_t wait_ms;

        assert_true(i < 60);
        assert_true(mail_queue_is_due(&mail, now_ms));
        mail_queue_failed(&mail, "x", now_ms);
        wait_ms = mail.next_ms - now_ms;
        assert_true(wait_ms >= MAIL_QUEUE_RETRY_MS && wait_ms <= MAIL_QUEUE_RETRY_MOST_MS);
        assert_true(wait_ms >= before_ms);
        if (i < 6)
            assert_int_equal(wait_ms, MAIL_QUEUE_RETRY_MS << i > MAIL_QUEUE_RETRY_MOST_MS
                                          ? MAIL_QUEUE_RETRY_MOST_MS
                                          : MAIL_QUEUE_RETRY_MS << i);
        assert_true(mail.given_up || !mail_queue_is_due(&mail, mail.next_ms - 1));
        before_ms = wait_ms;
        now_ms = mail.next_ms;
    }
    assert_true(now_ms - mail.when_ms >= MAIL_QUEUE_TRIED_MS);
    assert_true(now_ms - mail.when_ms <= MAIL_QUEUE_TRIED_MS + 2 * MAIL_QUEUE_RETRY_MOST_MS);
    assert_false(mail_queue_is_due(&mail, now_ms + 100 * HOUR_MS));
}

static void a_clock_set_back_makes_nobody_wait(void **state)
{
    struct queued_mail mail = {.when_ms = 1000000000000};

    (void)state;
    mail_queue_failed(&mail, "x", mail.when_ms);
    assert_false(mail_queue_is_due(&mail, mail.when_ms));
    assert_true(mail_queue_is_due(&mail, mail.when_ms - 2 * HOUR_MS));
}

static void the_oldest_makes_room(void **state)
{
    struct fixture *fixture = *state;
    struct work many = {.step = ADD_MANY, .subject = "n", .count = MAIL_QUEUE_MAX - 1};
    struct seen seen;

    run_ok(fixture->store, (struct work){.step = ADD, .subject = "first", .body = ""});
    run_ok(fixture->store, many);
    assert_int_equal(strncmp(look(fixture->store).subjects, "first,", 6), 0);
    run_ok(fixture->store, (struct work){.step = ADD, .subject = "last", .body = ""});
    seen = look(fixture->store);
    assert_int_equal(seen.count, MAIL_QUEUE_MAX);
    assert_int_equal(strncmp(seen.subjects, "n,", 2), 0);
}

static void too_long(void **state)
{
    struct fixture *fixture = *state;
    char subject[MAIL_SUBJECT_MAX + 1];
    struct work work = {.step = ADD, .subject = subject, .body = ""};
    struct error err = {0};

    memset(subject, 'x', MAIL_SUBJECT_MAX);
    subject[MAIL_SUBJECT_MAX] = '\0';
    assert_int_equal(store_run(fixture->store, do_work, &work, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_int_equal(look(fixture->store).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_and_out, fixture_setup, fixture_teardown),
        cmocka_unit_test(the_pauses_grow_until_the_end),
        cmocka_unit_test(a_clock_set_back_makes_nobody_wait),
        cmocka_unit_test_setup_teardown(the_oldest_makes_room, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(too_long, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
