/*
 * Making a key as the daemon does, beside `openssl genpkey` of the same kind: whole processes that write the
 * key as PEM, by turns, medians. The search for primes is luck, so RSA needs many turns.
 */
#include "bench_turns.h"

#include "identity/key.h"

#include <openssl/pem.h>

static int make_one(const char *algorithm, const char *size)
{
    enum key_algorithm chosen;
    struct key_kind kind;
    struct error err = {0};
    EVP_PKEY *key = NULL;

    if (key_algorithm_parse(algorithm, &chosen, &err) == 0 && key_size_parse(chosen, size, &kind, &err) == 0)
        key = key_generate(&kind, NULL, NULL, &err);
    if (key == NULL || PEM_write_PrivateKey(stdout, key, NULL, NULL, 0, NULL, NULL) != 1)
        return 1;
    EVP_PKEY_free(key);
    return 0;
}

static void compare(char *self, char *algorithm, char *size, char *openssl, char *option, int turns)
{
    char *ours[] = {self, algorithm, size, NULL};
    char *reference[] = {"openssl", "genpkey", "-algorithm", openssl, option != NULL ? "-pkeyopt" : NULL,
                         option,    NULL};
    double medians[2];

    turns_pair(ours, reference, turns, medians);
    printf("a new key, %s %s: %.2f ms; openssl genpkey %.2f ms, medians of %d; ratio %.3f (at most 1.1)\n",
           algorithm, size, medians[0], medians[1], turns, medians[0] / medians[1]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return make_one(argv[1], argv[2]);
    compare(argv[0], "rsa", "2048", "RSA", "rsa_keygen_bits:2048", 300);
    compare(argv[0], "ec", "P-256", "EC", "ec_paramgen_curve:P-256", 100);
    compare(argv[0], "ec", "P-521", "EC", "ec_paramgen_curve:P-521", 100);
    compare(argv[0], "ed25519", "", "ED25519", NULL, 100);
    return 0;
}
