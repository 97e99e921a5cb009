#include "store_fixture.h"

#include "store/account.h"
#include "store/config.h"
#include "store/statement.h"
#include "store/vouch.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEcZGTOuVRNYtkRyYyv7WEu2gX/Ob96EFwFbe5guUfQ1"

/* A configuration as lines "name=value", in the order of the walk. */
struct dump {
    char text[4096];
};

static int dump_one(void *arg, const char *name, const char *value)
{
    struct dump *dump = arg;
    size_t used = strlen(dump->text);

    snprintf(dump->text + used, sizeof(dump->text) - used, "%s=%s\n", name, value);
    return 0;
}

static const char *dumped(struct store *store, enum config_area area, const char *name)
{
    static struct dump dump;
    struct error err = {0};
    struct store_txn *txn = store_read(store, &err);

    assert_non_null(txn);
    dump.text[0] = '\0';
    assert_ok(config_each(txn, area, name, dump_one, &dump, &err), err);
    store_end(txn);
    return dump.text;
}

enum step { SET, UNSET, COPY, BEGIN, END_KEEP, END_BACK };

struct work {
    enum step step;
    enum config_area area;
    const char *name;
    const char *value;
    size_t removed;
};

static int do_work(struct store_txn *txn, void *arg, struct error *err)
{
    struct work *work = arg;

    switch (work->step) {
    case SET:
        return config_set(txn, work->area, work->name, work->value, err);
    case UNSET:
        return config_unset(txn, work->area, work->name, &work->removed, err);
    case COPY:
        return config_copy(txn, work->area, CONFIG_STARTUP, err);
    case BEGIN:
        return config_probation_begin(txn, 12345, err);
    case END_KEEP:
        return config_probation_end(txn, false, err);
    case END_BACK:
        break;
    }
    return config_probation_end(txn, true, err);
}

static int run(struct store *store, enum step step, const char *name, const char *value, struct error *err)
{
    struct work work = {.step = step, .area = CONFIG_RUNNING, .name = name, .value = value};

    return store_run(store, do_work, &work, err);
}

static void set(struct store *store, const char *name, const char *value)
{
    struct error err = {0};

    assert_ok(run(store, SET, name, value, &err), err);
}

static void walks_names_and_what_is_below(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;

    set(store, "repository/a", "");
    set(store, "repository/a/url", "disk:");
    set(store, "repository/a-b", "");
    set(store, "repository/ab", "");
    set(store, "hostname", "pri");
    assert_string_equal(
        dumped(store, CONFIG_RUNNING, ""),
        "hostname=pri\nrepository/a=\nrepository/a-b=\nrepository/a/url=disk:\nrepository/ab=\n");
    assert_string_equal(dumped(store, CONFIG_RUNNING, "repository/a"),
                        "repository/a=\nrepository/a/url=disk:\n");
    assert_string_equal(dumped(store, CONFIG_STARTUP, ""), "");
}

static void refuses_names_that_are_none(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    static const char *const names[] = {
        "",           "hostnames",        "repository", "repository/", "repository//url", "repository/a/b/c",
        "username/a", "username/a/sshkey"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct error err = {0};

        assert_int_equal(run(store, SET, names[i], "x", &err), -1);
        assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    }
}

static void removes_a_name_with_what_is_below(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    struct work work = {.step = UNSET, .area = CONFIG_RUNNING, .name = "repository/a"};
    struct error err = {0};

    set(store, "repository/a", "");
    set(store, "repository/a/url", "disk:");
    set(store, "repository/a-b", "");
    assert_ok(store_run(store, do_work, &work, &err), err);
    assert_int_equal(work.removed, 2);
    assert_string_equal(dumped(store, CONFIG_RUNNING, ""), "repository/a-b=\n");
    assert_ok(store_run(store, do_work, &work, &err), err);
    assert_int_equal(work.removed, 0);
}

static void copies_exactly_and_only_what_differs(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    struct store_stats before, after;
    struct error err = {0};

    set(store, "hostname", "pri");
    set(store, "log-level", "6");
    set(store, "repository/a", "");
    assert_ok(run(store, COPY, NULL, NULL, &err), err);
    assert_string_equal(dumped(store, CONFIG_STARTUP, ""), "hostname=pri\nlog-level=6\nrepository/a=\n");
    set(store, "hostname", "sec");
    set(store, "domain-name", "x.y");
    assert_ok(run(store, UNSET, "log-level", NULL, &err), err);
    assert_ok(run(store, UNSET, "repository/a", NULL, &err), err);
    assert_ok(run(store, COPY, NULL, NULL, &err), err);
    assert_string_equal(dumped(store, CONFIG_STARTUP, ""), "domain-name=x.y\nhostname=sec\n");
    assert_ok(store_stats(store, &before, &err), err);
    assert_ok(run(store, COPY, NULL, NULL, &err), err);
    assert_ok(store_stats(store, &after, &err), err);
    assert_int_equal(before.revision, after.revision); /* nothing to do is nothing done */
}

static void puts_back_what_is_not_confirmed(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    struct error err = {0};

    set(store, "hostname", "old");
    set(store, "repository/a", "");
    assert_ok(run(store, BEGIN, NULL, NULL, &err), err);
    set(store, "hostname", "new");
    set(store, "domain-name", "x.y");
    assert_ok(run(store, UNSET, "repository/a", NULL, &err), err);
    assert_int_equal(run(store, BEGIN, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_ok(run(store, END_BACK, NULL, NULL, &err), err);
    assert_string_equal(dumped(store, CONFIG_RUNNING, ""), "hostname=old\nrepository/a=\n");
    assert_string_equal(dumped(store, CONFIG_BEFORE, ""), "");
    assert_int_equal(run(store, END_BACK, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);

    assert_ok(run(store, BEGIN, NULL, NULL, &err), err);
    set(store, "hostname", "new");
    assert_ok(run(store, END_KEEP, NULL, NULL, &err), err);
    assert_string_equal(dumped(store, CONFIG_RUNNING, "hostname"), "hostname=new\n");
}

static void judges_values_in_one_place(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        const char *kept; /* NULL: refused */
    } rows[] = {
        {"hostname", "Prime-Pri", "Prime-Pri"},
        {"hostname", "10.0.0.1", NULL},
        {"hostname", "a b", NULL},
        {"hostname", "x\n", NULL},
        {"hostname", "", NULL},
        {"domain-name", "Example.COM", "example.com"},
        {"timezone", "UTC", "UTC"},
        {"timezone", "../../../etc/passwd", NULL},
        {"timezone", "/etc/passwd", NULL},
        {"timezone", "Mars/Olympus", NULL},
        {"log-level", "info", "6"},
        {"log-level", "DEBUG", "7"},
        {"log-level", "0", "0"},
        {"log-level", "8", NULL},
        {"log-level", "-1", NULL},
        {"platform-release", "3.9", "3.9"},
        {"platform-release", "3.10", "3.10"},
        {"platform-release", "3.11", NULL},
        {"username/alice/role", "admin", "admin"},
        {"username/alice/role", "root", NULL},
        {"username/../role", "admin", NULL},
        {"username/-x/role", "admin", NULL},
        {"username/a b/role", "admin", NULL},
        {"username/abcdefghijklmnopqrstuvwxyz0123456/role", "admin", NULL},
        {"repository/a/url", "sftp://host/dir", "sftp://host/dir"},
        {"repository/a/url", "disk:", "disk:"},
        {"repository/a/url", "sftp://joe:secret@host/dir", NULL},
        {"repository/a/url", "sftp:///dir", NULL},
        {"repository/a/url", "file:///etc/passwd", NULL},
        {"repository/a/url", "http://host/a b", NULL},
        {"repository/a/url", "http://host/?x", NULL},
        {"repository/..a/url", "disk:", NULL},
        {"repository/a/user", "joe", "joe"},
        {"repository/a/user", "joe|x", NULL},
        {"repository/a/user", "\"joe", NULL},
        {"mail-server/host", "2001:DB8::1", "2001:db8::1"},
        {"mail-server/port", "0587", "587"},
        {"mail-server/port", "65536", NULL},
        {"mail-server/from", "a@example.com", "a@example.com"},
        {"mail-server/from", "a@b@c", NULL},
        {"mail-server/from", "a", NULL},
        {"mail-server/from", "x\r\nRCPT TO:<y@z>@h", NULL},
        {"mail-server/to", "a@example.com,b@example.com", "a@example.com,b@example.com"},
        {"mail-server/to", "a@example.com,,b@example.com", NULL},
        {"mail-server/to", "a@example.com\r\nRCPT TO:<y@z>", NULL},
        {"mail-server/password", "", NULL},
        {"mail-server/password", "a\nb", NULL},
        {"nothing", "x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char kept[STATEMENT_VALUE_MAX];
        struct error err = {0};
        int result = statement_check(rows[i].name, rows[i].value, kept, &err);

        if ((result == 0) != (rows[i].kept != NULL))
            fail_msg("%s \"%s\": %s", rows[i].name, rows[i].value, result == 0 ? "accepted" : err.message);
        if (result == 0)
            assert_string_equal(kept, rows[i].kept);
        else
            assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
        assert_null(strstr(err.message, "secret@"));
    }
}

static void knows_keys(void **state)
{
    static const char *const bad[] = {
        "",
        "ssh-ed25519",
        "ssh-ed25519 ",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEcZGTOuVRNYtkRyYyv7WEu2gX/Ob96EFwFbe5guUfQ",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIEcZGTOuVRNYtkRyYyv7WEu2gX/Ob96EFwFbe5guUfQ1",
        "ssh-dss AAAAC3NzaC1lZDI1NTE5AAAAIEcZGTOuVRNYtkRyYyv7WEu2gX/Ob96EFwFbe5guUfQ1",
        ("command=\"x\" " KEY), /* in brackets, or clang misses a comma */
    };
    char name[STATEMENT_KEY_NAME_SIZE], other[STATEMENT_KEY_NAME_SIZE];
    char setting[STATEMENT_NAME_SIZE];
    char kept[STATEMENT_VALUE_MAX];
    struct error err = {0};

    (void)state;
    assert_ok(statement_key_name(KEY, name, &err), err);
    assert_ok(statement_key_name(KEY " alice@laptop", other, &err), err);
    assert_string_equal(name, other);
    snprintf(setting, sizeof(setting), "username/alice/sshkey/%s", name);
    assert_ok(statement_check(setting, KEY " alice@laptop", kept, &err), err);
    assert_int_equal(statement_check(setting, KEY " two words", kept, &err), -1);
    assert_int_equal(statement_check(setting, KEY " a\nssh-rsa", kept, &err), -1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(statement_key_name(bad[i], name, &err), -1);
        assert_int_equal(statement_name("username/a/sshkey", bad[i], setting, &err), -1);
    }
}

static void names_keys_after_themselves(void **state)
{
    char key[STATEMENT_KEY_NAME_SIZE], expected[STATEMENT_NAME_SIZE], name[STATEMENT_NAME_SIZE];
    char longest[2 * STATEMENT_NAME_SIZE];
    struct error err = {0};

    (void)state;
    assert_ok(statement_key_name(KEY, key, &err), err);
    snprintf(expected, sizeof(expected), "username/alice/sshkey/%s", key);
    assert_ok(statement_name("username/alice/sshkey", KEY, name, &err), err);
    assert_string_equal(name, expected);
    assert_ok(statement_name(expected, KEY " alice@laptop", name, &err), err);
    assert_string_equal(name, expected);
    assert_int_equal(statement_name("username/alice/sshkey/00", KEY, name, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
    assert_ok(statement_name("hostname", "x", name, &err), err);
    assert_string_equal(name, "hostname");
    assert_ok(statement_name("repository/a/password", NULL, name, &err), err); /* a secret comes apart */
    assert_int_equal(statement_name("username/alice/sshkey", NULL, name, &err), -1);
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(statement_name(longest, "x", name, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID_ARGUMENT);
}

static void finds_accounts(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    struct error err = {0};
    struct account account;
    struct store_txn *txn;

    set(store, "username/alice/role", "admin");
    set(store, "username/alice/sshkey/ab", KEY);
    set(store, "username/bob/role", "user");
    set(store, "username/bob/system", "yes");
    txn = store_read(store, &err);
    assert_ok(account_get(txn, "alice", &account, &err), err);
    assert_int_equal(account.role, ACCOUNT_ADMIN);
    assert_false(account.system);
    assert_ok(account_has_key(txn, "alice", "ab", &err), err);
    assert_int_equal(account_has_key(txn, "alice", "cd", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_ok(account_get(txn, "bob", &account, &err), err);
    assert_int_equal(account.role, ACCOUNT_USER);
    assert_true(account.system);
    assert_int_equal(account_get(txn, "ali", &account, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(account_get(txn, "../alice", &account, &err), -1);
    store_end(txn);
}

static void vouches_for_descendants_only(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    struct seal *seal = seal_open(fixture->home, &err);
    struct voucher voucher = {.account = "alice", .origin = "2001:db8::1"}, read;
    char text[VOUCHER_TEXT_SIZE], forged[VOUCHER_TEXT_SIZE];

    assert_non_null(seal);
    assert_ok(statement_key_name(KEY, voucher.key, &err), err);
    assert_true(process_find(getpid(), &voucher.sshd, NULL));
    assert_ok(voucher_write(seal, &voucher, text, &err), err);
    assert_ok(voucher_read(seal, text, getpid(), &read, &err), err);
    assert_string_equal(read.account, "alice");
    assert_string_equal(read.key, voucher.key);
    assert_string_equal(read.origin, "2001:db8::1");

    /* every byte counts */
    for (size_t i = 0; text[i] != '\0'; i++) {
        memcpy(forged, text, sizeof(text));
        forged[i] = forged[i] == '1' ? '2' : '1';
        assert_int_equal(voucher_read(seal, forged, getpid(), &read, &err), -1);
        assert_int_equal(err.code, ERROR_DENIED);
        forged[i] = '\0';
        assert_int_equal(voucher_read(seal, forged, getpid(), &read, &err), -1);
    }
    /* the parent does not descend from us; nor does anybody from a process of another time */
    assert_int_equal(voucher_read(seal, text, getppid(), &read, &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    voucher.sshd.start++;
    assert_ok(voucher_write(seal, &voucher, text, &err), err);
    assert_int_equal(voucher_read(seal, text, getpid(), &read, &err), -1);
    /* nobody forges a part by what he calls himself */
    snprintf(voucher.origin, sizeof(voucher.origin), "a/b");
    assert_int_equal(voucher_write(seal, &voucher, text, &err), -1);
    snprintf(voucher.account, sizeof(voucher.account), "a/b");
    assert_int_equal(voucher_write(seal, &voucher, text, &err), -1);
    seal_close(seal);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(walks_names_and_what_is_below),
        TEST(refuses_names_that_are_none),
        TEST(removes_a_name_with_what_is_below),
        TEST(copies_exactly_and_only_what_differs),
        TEST(puts_back_what_is_not_confirmed),
        TEST(judges_values_in_one_place),
        TEST(knows_keys),
        TEST(names_keys_after_themselves),
        TEST(finds_accounts),
        TEST(vouches_for_descendants_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
