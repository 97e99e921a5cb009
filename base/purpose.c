#include "base/purpose.h"

#include <string.h>
#include <strings.h>

#define TOMCAT "Cisco Tomcat"
#define TFTP "Cisco TFTP"
#define CALLMANAGER "Cisco CallManager"
#define CAPF "Cisco Certificate Authority Proxy Function"
#define CTI "Cisco CTIManager"
#define TVS "Cisco Trust Verification Service"
#define DRF_LOCAL "Cisco DRF Local"
#define DRF_MASTER "Cisco DRF Master"
#define SIP_PROXY "Cisco SIP Proxy"
#define PRESENCE "Cisco Presence Engine"
#define XCP_ROUTER "Cisco XCP Router"
#define XCP_FEDERATION "Cisco XCP XMPP Federation Connection Manager"
#define SYNC_AGENT "Cisco Intercluster Sync Agent"

const struct purpose_service purpose_services[] = {
    {TOMCAT, NULL},     {TFTP, NULL},           {CALLMANAGER, NULL}, {CAPF, "Cisco CAPF"}, {CTI, "Cisco CTI"},
    {TVS, "Cisco TVS"}, {DRF_LOCAL, NULL},      {DRF_MASTER, NULL},  {SIP_PROXY, NULL},    {PRESENCE, NULL},
    {XCP_ROUTER, NULL}, {XCP_FEDERATION, NULL}, {SYNC_AGENT, NULL},
};
const size_t purpose_service_count = sizeof(purpose_services) / sizeof(purpose_services[0]);

/* Deleting reaches the pair where the source says so; of importing it says only that CAPF-trust stays on its
 * node. A store whose deletions stay on the node keeps its imports there too, or they could never be undone.
 */
const struct trust_store trust_stores[] = {
    {"tomcat-trust", true, true, "Web servers: Cisco Tomcat of other nodes and their CAs"},
    {"ipsec-trust", false, false, "IPsec peers and their CAs"},
    {"CAPF-trust", true, false, "Issuers of the phones' certificates"},
    {"CallManager-trust", true, true, "Call control: phones, gateways, voice mail and their CAs"},
    {"userlicensing-trust", false, false, "License servers"},
    {"TVS-trust", false, false, "Trust verification services"},
    {"Phone-SAST-trust", true, true, "Signers of the phones' trust lists"},
    {"Phone-CTL-trust", false, false, "Certificates for the phones' trust list"},
    {"Phone-trust", false, false, "Certificates that phones may ask for"},
};
const size_t trust_store_count = sizeof(trust_stores) / sizeof(trust_stores[0]);

#define SERVER_AND_CLIENT (PURPOSE_SERVER | PURPOSE_CLIENT)
#define ALL_EXTENDED (PURPOSE_SERVER | PURPOSE_CLIENT | PURPOSE_IPSEC)
#define SIGN_AND_ENCIPHER (PURPOSE_DIGITAL_SIGNATURE | PURPOSE_KEY_ENCIPHERMENT | PURPOSE_DATA_ENCIPHERMENT)

/* Rows of one purpose with an RSA and with an EC key have all but the key in common. */
#define PURPOSE_PAIR(NAME, ABOUT, USAGE, EXTENDED, MULTI, CHAIN, HOLDER, ...)                             \
    {NAME,     ABOUT, "",   "",    false, 2048,   USAGE,                                                  \
     EXTENDED, MULTI, true, CHAIN, NULL,  HOLDER, {HOLDER, __VA_ARGS__}},                                 \
    {                                                                                                     \
        NAME "-ECDSA", ABOUT ", EC key", "", "-EC", true, 384, USAGE, EXTENDED, MULTI, true, CHAIN, NULL, \
            HOLDER,                                                                                       \
        {                                                                                                 \
            HOLDER, __VA_ARGS__                                                                           \
        }                                                                                                 \
    }

const struct purpose purposes[] = {
    PURPOSE_PAIR("tomcat", "Web server", SIGN_AND_ENCIPHER, SERVER_AND_CLIENT, true, "tomcat-trust", TOMCAT,
                 TFTP),
    {"ipsec",
     "IPsec and disaster recovery",
     "",
     "",
     false,
     2048,
     SIGN_AND_ENCIPHER,
     ALL_EXTENDED,
     false,
     true,
     "ipsec-trust",
     NULL,
     DRF_LOCAL,
     {DRF_LOCAL, DRF_MASTER}},
    PURPOSE_PAIR("CallManager", "Call control", SIGN_AND_ENCIPHER, SERVER_AND_CLIENT, true,
                 "CallManager-trust", CALLMANAGER, CAPF, CTI),
    {"CAPF",
     "Issuer of the phones' certificates",
     "CAPF-",
     "",
     false,
     2048,
     PURPOSE_DIGITAL_SIGNATURE | PURPOSE_KEY_ENCIPHERMENT | PURPOSE_SIGN_CERTIFICATES,
     PURPOSE_SERVER,
     false,
     true,
     "CAPF-trust",
     "CallManager-trust",
     CAPF,
     {CAPF, CALLMANAGER}},
    {"TVS",
     "Trust verification",
     "",
     "",
     false,
     2048,
     SIGN_AND_ENCIPHER,
     SERVER_AND_CLIENT,
     false,
     true,
     "TVS-trust",
     NULL,
     TVS,
     {TVS}},
    PURPOSE_PAIR("cup", "Presence", SIGN_AND_ENCIPHER | PURPOSE_KEY_AGREEMENT, ALL_EXTENDED, false,
                 "tomcat-trust", SIP_PROXY, PRESENCE),
    PURPOSE_PAIR("cup-xmpp", "XMPP clients", SIGN_AND_ENCIPHER | PURPOSE_KEY_AGREEMENT, ALL_EXTENDED, true,
                 "tomcat-trust", XCP_ROUTER, XCP_FEDERATION),
    PURPOSE_PAIR("cup-xmpp-s2s", "XMPP federation", SIGN_AND_ENCIPHER | PURPOSE_KEY_AGREEMENT, ALL_EXTENDED,
                 true, "tomcat-trust", XCP_FEDERATION, XCP_ROUTER),
    {"ITLRecovery",
     "Signer of the phones' trust lists",
     "ITLRECOVERY_",
     "",
     false,
     2048,
     PURPOSE_DIGITAL_SIGNATURE,
     0,
     false,
     false,
     NULL,
     NULL,
     TFTP,
     {TFTP, TVS}},
    {"authz",
     "Signer of access tokens",
     "AUTHZ_",
     "",
     false,
     2048,
     PURPOSE_DIGITAL_SIGNATURE,
     0,
     false,
     false,
     NULL,
     NULL,
     NULL,
     {NULL}},
};
const size_t purpose_count = sizeof(purposes) / sizeof(purposes[0]);

/* "tomcat/tomcat.pem" names the file of the unit tomcat. */
static bool names_purpose(const char *typed, const char *name)
{
    size_t length = strlen(name);

    if (strncasecmp(typed, name, length) != 0)
        return false;
    typed += length;
    if (*typed == '\0')
        return true;
    return *typed == '/' && strncasecmp(typed + 1, name, length) == 0 &&
           (strcasecmp(typed + 1 + length, ".pem") == 0 || strcasecmp(typed + 1 + length, ".csr") == 0);
}

const struct purpose *purpose_find(const char *name, struct error *err)
{
    for (size_t i = 0; i < purpose_count; i++) {
        if (names_purpose(name, purposes[i].name))
            return &purposes[i];
    }
    error_set(err, ERROR_NOT_FOUND, "%.100s is not the name of an own certificate", name);
    error_hint(err, "see them with: show cert list own");
    return NULL;
}

const struct trust_store *trust_store_find(const char *name, struct error *err)
{
    for (size_t i = 0; i < trust_store_count; i++) {
        if (strcasecmp(trust_stores[i].name, name) == 0)
            return &trust_stores[i];
    }
    error_set(err, ERROR_NOT_FOUND, "%.100s is not the name of a trust store", name);
    error_hint(err, "trust stores are tomcat-trust, ipsec-trust, CAPF-trust, CallManager-trust, "
                    "userlicensing-trust, TVS-trust, Phone-SAST-trust, Phone-CTL-trust and Phone-trust");
    return NULL;
}

const struct purpose_service *purpose_service_find(const char *name, struct error *err)
{
    for (size_t i = 0; i < purpose_service_count; i++) {
        const struct purpose_service *service = &purpose_services[i];

        if (strcasecmp(service->name, name) == 0 ||
            (service->alias != NULL && strcasecmp(service->alias, name) == 0))
            return service;
    }
    error_set(err, ERROR_NOT_FOUND, "%.100s is not the name of a service", name);
    error_hint(err, "see them with: utils service list");
    return NULL;
}

bool purpose_is_used_by(const struct purpose *purpose, const char *service)
{
    for (size_t i = 0; i < PURPOSE_SERVICES_MAX && purpose->services[i] != NULL; i++) {
        if (strcmp(purpose->services[i], service) == 0)
            return true;
    }
    return false;
}
