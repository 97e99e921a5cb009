/* ncs key genkey: the dialog, and its answers on the line. */
#include "commands/context.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX 4096 /* bytes: a hundred alternative names fit */
#define QUESTION_MAX (ANSWER_MAX + 128)

struct question {
    const char *name;     /* of the argument, the parameter and the preset */
    const char *argument; /* how to give it on the line */
    const char *text;     /* the preset in brackets follows */
};

static const struct question subject_questions[] = {
    {"cn", "cn <name>", "Enter the fully qualified domain name of the server"},
    {"ou", "ou <text>", "Enter the name of your organizational unit"},
    {"o", "o <text>", "Enter the name of your organization"},
    {"l", "l <text>", "Enter the name of your city or locality"},
    {"st", "st <text>", "Enter the name of your state or province"},
    {"c", "c <code>", "Enter the two letter code for your country"},
    {"san", "san <names>", "Specify subject alternate names, comma separated - DNS:<name>,IP:<address>"},
};
static const struct question algorithm_question = {"algorithm", "algorithm <algorithm>",
                                                   "Specify the public key algorithm [rsa/ec]"};
static const struct question rsa_question = {"size", "size <bits>",
                                             "Specify the RSA key size [2048/3072/4096/8192]"};
static const struct question ec_question = {"size", "size <curve>",
                                            "Specify the EC curve [P-256/P-384/P-521]"};

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

/* What primed would make of the answers so far; new reference, NULL where they will not do. */
static json_t *ask_plan(struct shell_call *call, json_t *params, struct error *err)
{
    json_t *plan = NULL;
    json_t *copy = json_copy(params); /* context_ask() takes it over */

    return context_ask(call, "key.plan", copy, NULL, NULL, &plan, err) == 0 ? plan : NULL;
}

/* Asks until the answer will do. */
static int ask(struct shell_call *call, const struct question *question, const char *preset, json_t *params,
               struct error *err)
{
    char line[QUESTION_MAX], answer[ANSWER_MAX];
    struct error cause = {0};
    json_t *plan;

    snprintf(line, sizeof(line), "%s [%s]: ", question->text, preset);
    for (;;) {
        if (shell_ask(call, line, preset, question->argument, answer, sizeof(answer), err) != 0)
            return -1;
        json_object_set_new(params, question->name, json_string(answer));
        plan = ask_plan(call, params, &cause);
        json_decref(plan);
        if (plan != NULL)
            return 0;
        if (cause.code != ERROR_INVALID_ARGUMENT) {
            *err = cause;
            return -1;
        }
        output_say(shell_output(call), "%s", cause.message);
    }
}

/* Not asked: what stands on the line, and everything with `force`. */
static bool is_settled(struct shell_call *call, const struct question *question, json_t *params)
{
    return shell_has(call, "force") || json_object_get(params, question->name) != NULL;
}

/* The alternative names follow the new name of the server, so primed is asked for their preset. */
static int ask_subject(struct shell_call *call, json_t *defaults, json_t *params, struct error *err)
{
    for (size_t i = 0; i < sizeof(subject_questions) / sizeof(subject_questions[0]); i++) {
        const struct question *question = &subject_questions[i];
        bool names = strcmp(question->name, "san") == 0;
        json_t *plan = NULL;
        int failed;

        if (is_settled(call, question, params))
            continue;
        if (names && (plan = ask_plan(call, params, err)) == NULL)
            return -1;
        failed = ask(call, question, names ? text_of(plan, "names") : text_of(defaults, question->name),
                     params, err);
        json_decref(plan);
        if (failed != 0)
            return -1;
    }
    return 0;
}

static int ask_kind(struct shell_call *call, json_t *defaults, json_t *params, struct error *err)
{
    const char *chosen;
    json_t *plan;
    int failed = 0;

    if (!is_settled(call, &algorithm_question, params) && json_object_get(params, "size") == NULL)
        failed = ask(call, &algorithm_question, text_of(defaults, "algorithm"), params, err);
    if (failed != 0 || is_settled(call, &rsa_question, params))
        return failed;
    plan = ask_plan(call, params, err);
    if (plan == NULL)
        return -1;
    chosen = text_of(plan, "algorithm");
    if (strcmp(chosen, "rsa") == 0)
        failed = ask(call, &rsa_question, text_of(plan, "size"), params, err);
    else if (strcmp(chosen, "ec") == 0)
        failed = ask(call, &ec_question, text_of(plan, "size"), params, err);
    json_decref(plan);
    return failed;
}

static json_t *given_params(struct shell_call *call)
{
    static const char *const arguments[] = {"cn", "ou", "o", "l", "st", "c", "san", "algorithm", "size"};
    json_t *params = json_pack("{s:b}", "newdn", shell_has(call, "-newdn"));

    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
        if (shell_arg(call, arguments[i]) != NULL)
            json_object_set_new(params, arguments[i], json_string(shell_arg(call, arguments[i])));
    }
    if (shell_arg(call, "new_file") != NULL)
        json_object_set_new(params, "csr", json_string(shell_arg(call, "new_file")));
    if (shell_arg(call, "repository") != NULL)
        json_object_set_new(params, "repository", json_string(shell_arg(call, "repository")));
    return params;
}

static void say_pending(struct shell_output *output, json_t *json, const char *name, const char *what)
{
    int64_t since_ms = json_integer_value(json_object_get(json, name));
    char since[CLOCK_TEXT_MAX];

    if (since_ms == 0)
        return;
    clock_format(since_ms, since);
    output_say(output,
               "The CSR of %s, which is still pending, %s: only a certificate for the newer one can be "
               "imported",
               since, what);
}

static void say_plan(struct shell_output *output, json_t *plan, bool csr)
{
    const char *algorithm = text_of(plan, "algorithm"), *size = text_of(plan, "size");
    const char *names = text_of(plan, "names");

    output_say(output, "Key and %s will be generated with following details", csr ? "CSR" : "certificate");
    output_say(output, "Subject : %s", text_of(plan, "subject"));
    output_say(output, "Subject Alternate Name : %s", names[0] != '\0' ? names : "none");
    output_say(output, "Public Key Alg : %s%s%s%s", algorithm, size[0] != '\0' ? ", " : "", size,
               strcmp(algorithm, "rsa") == 0 ? " bits" : "");
    if (text_of(plan, "uncovered")[0] != '\0')
        output_say(output, "Note : the names do not cover this node, which also needs %s%s",
                   text_of(plan, "uncovered"),
                   csr ? ": a certificate without them is refused at import" : "");
}

static int make(struct shell_call *call, json_t *params, const char *algorithm, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *result = NULL;

    output_say(output, "Generating %s key",
               strcmp(algorithm, "rsa") == 0  ? "RSA"
               : strcmp(algorithm, "ec") == 0 ? "EC"
                                              : "Ed25519");
    if (context_ask(call, "key.generate", json_copy(params), NULL, NULL, &result, err) != 0)
        return -1;
    output_say(output, "Completed");
    say_pending(output, result, "replaced_ms", "is replaced");
    if (json_is_true(json_object_get(result, "replaced_waiting")))
        output_say(output, "The certificate that waited for the restart is replaced");
    json_decref(result);
    return 0;
}

static int show_and_make(struct shell_call *call, json_t *params, struct error *err)
{
    json_t *plan = ask_plan(call, params, err);
    int answer = 1;
    int failed = -1;

    if (plan == NULL)
        return -1;
    say_plan(shell_output(call), plan, json_object_get(params, "csr") != NULL);
    if (!shell_has(call, "force")) {
        say_pending(shell_output(call), plan, "pending_since_ms", "will be replaced");
        answer = shell_confirm(call, "Continue [yes] : ", true, "force", err);
    }
    if (answer == 1)
        failed = make(call, params, text_of(plan, "algorithm"), err);
    else if (answer == 0)
        failed = 0;
    json_decref(plan);
    return failed;
}

static int run_genkey(struct shell_call *call, struct error *err)
{
    struct shell_output *output = shell_output(call);
    json_t *params = given_params(call);
    json_t *first = ask_plan(call, params, err); /* a bad file or repository is said before any question */
    json_t *defaults = NULL;
    int failed = first == NULL || context_ask(call, "key.defaults", NULL, NULL, NULL, &defaults, err) != 0;

    if (!failed) {
        output_say(output, "The NCS server is %s.",
                   json_is_true(json_object_get(defaults, "running")) ? "running" : "stopped");
        output_say(output, "Changes will take affect on the next server restart");
        failed = (shell_has(call, "-newdn") && ask_subject(call, defaults, params, err) != 0) ||
                 ask_kind(call, defaults, params, err) != 0 || show_and_make(call, params, err) != 0;
    }
    json_decref(first);
    json_decref(defaults);
    json_decref(params);
    return failed ? -1 : 0;
}

static const struct shell_command commands[] = {
    {.grammar = "ncs key genkey [-newdn] [-csr <new_file>] [repository <repository>] [cn <cn>] "
                "[ou <ou>] [o <o>] [l <l>] [st <st>] "
                "[c <c>] [san <san>] [algorithm <algorithm>] [size <size:key_size>] "
                "[force]",
     .help = "Make a new key, with a signing request or a self-signed certificate",
     .words = SHELL_HELP("-newdn", "Ask for another subject than the one in use")
         SHELL_HELP("-csr", "Write a signing request to this file, not a self-signed certificate")
             SHELL_HELP("repository", "Repository of that file") SHELL_HELP(
                 "cn", "Common name: the fully qualified domain name") SHELL_HELP("ou", "Organizational unit")
                 SHELL_HELP("o", "Organization") SHELL_HELP("l", "City or locality")
                     SHELL_HELP("st", "State or province") SHELL_HELP("c", "Country, two letters") SHELL_HELP(
                         "san", "Subject alternative names") SHELL_HELP("algorithm", "Public key algorithm")
                         SHELL_HELP("size", "Key size or curve")
                             SHELL_HELP("force", "Do not ask before it is made"),
     .run = run_genkey,
     .role = SHELL_ROLE_ADMIN,
     .needs = NEED_DAEMON,
     .flags = SHELL_CHANGES,
     .manual =
         "With -csr the signing request is written to the repository, and its key is pending until the "
         "signed "
         "certificate is imported; a newer request replaces it. Without, a self-signed certificate waits for "
         "the "
         "restart. With -newdn the subject is asked for, otherwise subject and names stay as they are. The "
         "presets "
         "are the fields of the certificate in service; \".\" leaves a field out. What stands on the line is "
         "not "
         "asked; force takes the preset for the rest and asks nothing. The key in service stays in service."},
};
const struct shell_branch key_genkey_branch = SHELL_BRANCH(commands);
