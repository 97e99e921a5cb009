#include "x509/passphrase_cost.h"

#include "x509/x509.h"

#include <openssl/err.h>
#include <string.h>

#define NESTED_MOST 4         /* boxes in boxes */
#define SCRYPT_STEPS_A_HASH 2 /* memory steps of scrypt that take as long as one hash */

static int too_many(struct error *err)
{
    ERR_clear_error();
    return error_set(err, ERROR_INVALID_ARGUMENT,
                     "the private key asks for its passphrase to be hashed more than %d times",
                     PASSPHRASE_ROUNDS_MAX);
}

/* What is out of the question counts as one more than there may be. */
static long bounded(int64_t rounds)
{
    return rounds < 0 || rounds > PASSPHRASE_ROUNDS_MAX ? PASSPHRASE_ROUNDS_MAX + 1L : (long)rounds;
}

static long rounds_of(const ASN1_INTEGER *number)
{
    int64_t value;

    return ASN1_INTEGER_get_int64(&value, number) == 1 ? bounded(value) : bounded(-1);
}

static long pbkdf2_rounds(const X509_ALGOR *function)
{
    PBKDF2PARAM *parameters = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), function->parameter);
    long rounds = parameters == NULL ? bounded(-1) : rounds_of(parameters->iter);

    PBKDF2PARAM_free(parameters);
    return rounds;
}

/* OpenSSL bounds the memory, which leaves room for hours. */
static long scrypt_rounds(const X509_ALGOR *function)
{
    SCRYPT_PARAMS *parameters = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), function->parameter);
    const ASN1_INTEGER *factors[3];
    int64_t steps = 1;

    if (parameters == NULL)
        return bounded(-1);
    factors[0] = parameters->costParameter;
    factors[1] = parameters->blockSize;
    factors[2] = parameters->parallelizationParameter;
    for (size_t i = 0; i < 3; i++) {
        int64_t factor = 0;

        if (ASN1_INTEGER_get_int64(&factor, factors[i]) != 1 || factor < 1 || factor > INT32_MAX ||
            steps > INT32_MAX)
            steps = INT64_MAX;
        else
            steps *= factor;
    }
    SCRYPT_PARAMS_free(parameters);
    return bounded(steps / SCRYPT_STEPS_A_HASH);
}

static long pbes2_rounds(const X509_ALGOR *algorithm)
{
    PBE2PARAM *scheme = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
    long rounds = 0; /* what cannot be read will not be tried either */

    if (scheme != NULL && OBJ_obj2nid(scheme->keyfunc->algorithm) == NID_id_pbkdf2)
        rounds = pbkdf2_rounds(scheme->keyfunc);
    else if (scheme != NULL && OBJ_obj2nid(scheme->keyfunc->algorithm) == NID_id_scrypt)
        rounds = scrypt_rounds(scheme->keyfunc);
    PBE2PARAM_free(scheme);
    return rounds;
}

static long pbe_rounds(const X509_ALGOR *algorithm)
{
    PBEPARAM *parameters = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
    long rounds = parameters == NULL || parameters->iter == NULL ? 0 : rounds_of(parameters->iter);

    PBEPARAM_free(parameters);
    return rounds;
}

static long algorithm_rounds(const X509_ALGOR *algorithm)
{
    long rounds =
        OBJ_obj2nid(algorithm->algorithm) == NID_pbes2 ? pbes2_rounds(algorithm) : pbe_rounds(algorithm);

    ERR_clear_error();
    return rounds;
}

int passphrase_cost_check(const X509_ALGOR *algorithm, struct error *err)
{
    return algorithm_rounds(algorithm) <= PASSPHRASE_ROUNDS_MAX ? 0 : too_many(err);
}

static long mac_rounds(const PKCS12 *file)
{
    const ASN1_INTEGER *rounds = NULL;

    PKCS12_get0_mac(NULL, NULL, NULL, &rounds, file);
    return rounds == NULL ? 1 : rounds_of(rounds);
}

int passphrase_cost_check_mac(const PKCS12 *file, struct error *err)
{
    return mac_rounds(file) <= PASSPHRASE_ROUNDS_MAX ? 0 : too_many(err);
}

static long bags_rounds(const STACK_OF(PKCS12_SAFEBAG) * bags, int depth)
{
    long rounds = depth > NESTED_MOST ? bounded(-1) : 0;

    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && rounds <= PASSPHRASE_ROUNDS_MAX; i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        const X509_ALGOR *algorithm = NULL;

        if (PKCS12_SAFEBAG_get_nid(bag) == NID_pkcs8ShroudedKeyBag &&
            PKCS12_SAFEBAG_get0_pkcs8(bag) != NULL) {
            X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
            rounds += algorithm_rounds(algorithm);
        } else if (PKCS12_SAFEBAG_get_nid(bag) == NID_safeContentsBag) {
            rounds += bags_rounds(PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
        }
    }
    return rounds;
}

/* One part is opened only once it is known to be cheap enough. */
static long part_rounds(PKCS7 *part, const char *passphrase, long before)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    long rounds = before;

    if (PKCS7_type_is_data(part)) {
        bags = PKCS12_unpack_p7data(part);
    } else if (PKCS7_type_is_encrypted(part) && part->d.encrypted != NULL) {
        rounds += algorithm_rounds(part->d.encrypted->enc_data->algorithm);
        if (rounds <= PASSPHRASE_ROUNDS_MAX)
            bags =
                PKCS12_unpack_p7encdata(part, passphrase, passphrase == NULL ? 0 : (int)strlen(passphrase));
    }
    if (bags != NULL)
        rounds += bags_rounds(bags, 0);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return rounds;
}

int passphrase_cost_check_parts(const PKCS12 *file, const char *passphrase, struct error *err)
{
    STACK_OF(PKCS7) *parts = PKCS12_unpack_authsafes(file);
    long rounds = mac_rounds(file);

    if (parts == NULL)
        return x509_error(err, ERROR_INVALID_ARGUMENT, "the PKCS#12 cannot be read");
    for (int i = 0; i < sk_PKCS7_num(parts) && rounds <= PASSPHRASE_ROUNDS_MAX; i++)
        rounds = part_rounds(sk_PKCS7_value(parts, i), passphrase, rounds);
    sk_PKCS7_pop_free(parts, PKCS7_free);
    ERR_clear_error();
    return rounds <= PASSPHRASE_ROUNDS_MAX ? 0 : too_many(err);
}
