#!/usr/bin/env bash
# The dialogs at a terminal, as people see them: questions, answers, a pasted certificate.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
. "$ROOT/tests/lib/ca.sh"
node_up
ca_root root
PROMPT="node/admin# "

# play <keystroke file>: what came back, without carriage returns, in PLAYED
play() {
    "$ROOT/tests/transcript/play.exp" "$1" "$TMP/raw" "$BIN/primesh" --home "$HOME_DIR" 2>"$TMP/play.err"
    is "$? $(cat "$TMP/play.err")" "0 " "the session runs to its end"
    PLAYED=$(tr -d '\r' <"$TMP/raw")
}

# has <name>: PLAYED contains standard input, line by line
has() {
    local expected
    expected=$(cat)
    if [[ $PLAYED == *"$expected"* ]]; then
        ok 0 "$1"
    else
        ok 1 "$1"
        tell "$PLAYED" expected "$expected"
    fi
}

paste() { while IFS= read -r line; do printf '> %s\\r\n< %s\n' "$line" "${line: -10}"; done <"$1"; printf '> \\r\n'; }

{
    cat <<K
< $PROMPT\x20
> terminal length 0\r
< $PROMPT\x20
> set cert regen TVS\r
< Proceed with regeneration (yes|no)?
> maybe\r
< Please answer yes or no.
< Proceed with regeneration (yes|no)?
> no\r
< Nothing was changed.
< $PROMPT\x20
> set cert regen tvs\r
< Proceed with regeneration (yes|no)?
> yes\r
< $PROMPT\x20
> set cert regen ITLRecovery\r
< Proceed with regeneration (yes|no)?
> yes\r
< $PROMPT\x20
> set cert import trust tomcat-trust\r
< Paste the Certificate and Hit Enter
K
    paste "$CA/root.pem"
    cat <<K
< $PROMPT\x20
> set cert import trust tomcat-trust\r
< Paste the Certificate and Hit Enter
> nonsense\r
> -----END CERTIFICATE-----\r
> \r
< Executed command unsuccessfully
< $PROMPT\x20
> set cert import trust tomcat-trust\r
< Paste the Certificate and Hit Enter
> \r
< no certificate was pasted
< $PROMPT\x20
> set cert delete trust tomcat-trust/root.pem\r
< Proceed with deletion (yes|no)?
> y\r
< $PROMPT\x20
> utils ctl set-cluster mixed-mode\r
< (y/n):
> n\r
< $PROMPT\x20
> utils ctl set-cluster mixed-mode\r
< (y/n):
> y\r
< $PROMPT\x20
> utils ctl update CTLFile\r
< (y/n):
> y\r
< $PROMPT\x20
> set key regen authz signing\r
< Proceed with regeneration (yes|no)?
> yes\r
< $PROMPT\x20
> utils service restart Cisco Tomcat\r
< [STARTED]
< $PROMPT\x20
> exit\r
K
} | sed "s/# \\\\x20/#\\\\x20/" >"$TMP/keys.in"
play "$TMP/keys.in"

has "no changes nothing" <<E2
Proceed with regeneration (yes|no)? no
Nothing was changed.
$PROMPT
E2
has "regeneration as the source has it" <<E2
${PROMPT}set cert regen tvs
WARNING: This operation will overwrite any CA signed certificate previously imported for  TVS
Proceed with regeneration (yes|no)? yes
Successfully Regenerated Certificate for TVS.
You must restart services related to TVS for the regenerated certificates to become active.
E2
has "ITLRecovery has its own warning" <<E2
WARNING: If you are using a tokenless CTL and if the CallManager certificate is recently
generated, please ensure that the CTL File already has the new CallManager certificate and is
updated to the endpoints, before generating the ITL Recovery certificate. Are you sure want
to proceed?

Proceed with regeneration (yes|no)? yes
Successfully Regenerated Certificate for ITLRecovery.
E2
has "a pasted certificate" <<E2
-----END CERTIFICATE-----

tomcat-trust/root.pem
Successfully imported certificate for tomcat-trust.
E2
has "pasted nonsense" <<E2
% Error: 
E2
has "nothing pasted" <<E2
% Error: no certificate was pasted
Executed command unsuccessfully
E2
has "mixed mode, not" <<E2
This operation sets the cluster to Mixed mode. Do you want to continue? (y/n):n
Nothing was changed.
E2
has "mixed mode" <<E2
${PROMPT}utils ctl set-cluster mixed-mode
This operation sets the cluster to Mixed mode. Do you want to continue? (y/n):y
Moving Cluster to Mixed Mode
Cluster set to Mixed Mode
Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services
$PROMPT
E2
has "update" <<E2
This operation updates the CTLFile. Do you want to continue? (y/n):y
Updating CTL file
CTL file Updated
E2
has "restart" <<E2
${PROMPT}utils service restart Cisco Tomcat
Do not press Ctrl+C while the service is restarting. If the service has not restarted properly, execute the same command again.
Service Manager is running
Cisco Tomcat[STARTING]
Cisco Tomcat[STARTING]
Cisco Tomcat[STARTED]
$PROMPT
E2
is "$(printf '%s\n' "$PLAYED" | grep -cE '^(Successfully|Cluster set|CTL file Updated)')" 7 "every success says so"

# completion: values, blanks in names
cat >"$TMP/tab.in" <<K
< $PROMPT
> show cert own cup-xm\t
< cup-xmpp
> \x03
< $PROMPT
> set cert import trust Phone-S\t
< Phone-SAST-trust
> \x03
< $PROMPT
> set csr gen ?
< One of the node's own certificates
> \x03
< $PROMPT
> exit\r
K
play "$TMP/tab.in"
done_testing
