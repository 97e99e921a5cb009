#!/usr/bin/env bash
# Notices by mail: a real SMTP server as counterpart, with and without TLS and login; dead, deaf, changed, choosy.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || skip_all "python3-aiosmtpd is not here"
MAIL=$TMP/mail
SMTP=${ADDRESS%.*}.70
PEER=${ADDRESS%.*}.60
PORT=2525
mkdir "$MAIL"

certificate() { # certificate <file> <days>
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -days "$2" \
        -subj "/CN=mail.test" 2>/dev/null
}
smtp_up() { # smtp_up [word...]
    smtp_down
    rm -f "$MAIL"/*.new "$MAIL/heard" "$MAIL"/mail.*
    /usr/bin/python3 "$ROOT/tests/lib/smtp.py" "$MAIL" "$SMTP" "$PORT" "$@" >"$TMP/smtp.out" 2>&1 &
    SMTP_PID=$!
    wait_for 10 grep -q ready "$MAIL/heard" || sed 's/^/# /' "$TMP/smtp.out"
}
smtp_down() {
    [ -z "${SMTP_PID:-}" ] || { kill -KILL "$SMTP_PID" && wait "$SMTP_PID"; } 2>/dev/null
    SMTP_PID=
}
at_exit smtp_down
configure() { "$BIN/primesh" --home "$HOME_DIR" <<<"configure terminal"$'\n'"$1" >"$TMP/out" 2>"$TMP/err" || sed 's/^/# /' "$TMP/err"; }
# What notices there are is given by pins whose certificates end soon: each restart with another one makes one.
number=0
new_notice() {
    number=$((number + 1))
    certificate "$TMP/soon$number" 20
    openssl s_server -accept "$PEER:$((4400 + number))" -cert "$TMP/soon$number.crt" -key "$TMP/soon$number.key" \
        -quiet </dev/null >/dev/null 2>&1 &
    local server=$!
    wait_for 10 openssl s_client -connect "$PEER:$((4400 + number))" </dev/null
    sh_ "ncs certvalidation tofu-certs addcert host ${PEER}_$((4400 + number))"
    kill "$server" 2>/dev/null
    sh_ "write memory"
    node_stop
    node_start
}
mails() { find "$MAIL" -name 'mail.[0-9]*' ! -name '*.new' | wc -l; }
has_mails() { [ "$(mails)" -ge "$1" ]; }
queue() { sh_ "show notices | json"; }
waiting() { queue && [ "$(jq '.notices | length' <<<"$OUT")" = "$1" ]; }
problem_is() { queue && jq -r '.notices[0].problem' <<<"$OUT" | grep -qE "$1"; }

certificate "$MAIL/server" 3000
node_up "monitor-interval-ms = 60000"

# --- nobody configured
sh_ "show notices"
is "$OUT" "No notice waits." "nothing waits at first"
new_notice
sh_ "show notices"
is "$OUT" "No notice waits." "without a mail server no notice waits either"
like "$(cat "$HOME_DIR/log/application.log")" "DailyTask\] the pinned certificate of $PEER" "the log has it"

# --- the plainest server
smtp_up
configure "mail-server $SMTP port $PORT from prime@example.com to ops@example.com,noc@example.com"
new_notice
wait_for 10 has_mails 2
is "$(mails)" 2 "one mail for each recipient"
FIRST=$(cat "$MAIL"/mail.1)
like "$FIRST" "X-From: prime@example.com"$'\n'"X-To: ops@example.com" "sender and recipient of the envelope"
like "$FIRST" $'\n'"Subject: \[primesh\] node: 1 certificate comes to its end"$'\n' "the subject names node and matter"
like "$FIRST" $'\n'"From: <prime@example.com>"$'\n' "From"
like "$FIRST" $'\n'"To: <ops@example.com>"$'\n' "To"
like "$FIRST" $'\n'"Date: [A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} \+0000"$'\n' "Date"
like "$FIRST" $'\n'"Auto-Submitted: auto-generated"$'\n' "Auto-Submitted"
like "$FIRST" "the pinned certificate of ${PEER}_4402" "the body says which certificate"
is "$(sed -n 's/^Message-ID: //p' "$MAIL/mail.1")" "$(sed -n 's/^Message-ID: //p' "$MAIL/mail.2")" "one mail, one Message-ID"
wait_for 10 waiting 0
ok $? "nothing waits any more"
unlike "$(cat "$MAIL/heard")" "STARTTLS" "no TLS where none is offered and none asked for"

# --- a password needs TLS
smtp_up auth
configure "mail-server $SMTP port $PORT username relay password plain Secret-of-mail from prime@example.com to ops@example.com"
new_notice
wait_for 10 problem_is 'offers no TLS'
ok $? "a password is not sent without TLS: $(jq -r '.notices[0].problem' <<<"$OUT")"
unlike "$(cat "$MAIL/heard")" "AUTH" "no byte of it"
is "$(jq -r '.notices[0].tries' <<<"$OUT")" 1 "tried once"
is "$(jq -r '.notices[0].state' <<<"$OUT")" waiting "and waiting"
like "$(jq -r '.notices[0].next_try' <<<"$OUT")" "^20" "for a time that is shown"
sh_ "show notices"
like "$OUT" "Why: +$SMTP port $PORT offers no TLS" "also as text"

# --- STARTTLS and login; the settings' change tries at once what waits
smtp_up starttls auth
configure "mail-server $SMTP port $PORT username relay password plain Secret-of-mail from prime@example.com to ops@example.com starttls"
wait_for 10 has_mails 1
is "$(mails)" 1 "what waited is sent once the settings change"
is "$(grep -cE 'STARTTLS|AUTH in TLS' "$MAIL/heard")" 2 "STARTTLS, and the login inside it"
unlike "$(cat "$MAIL/heard")" "AUTH in clear" "not outside"
wait_for 10 waiting 0
sh_ "ncs certvalidation tofu-certs listcerts"
like "$OUT" "${SMTP}_$PORT" "the mail server is pinned on first use"

# --- another certificate: no login, no mail
certificate "$MAIL/server" 3000
smtp_up starttls auth
new_notice
wait_for 10 problem_is "certificate|Trust-on-first-use"
ok $? "a changed certificate is refused: $(jq -r '.notices[0].problem' <<<"$OUT" | cut -c1-100)"
unlike "$(cat "$MAIL/heard")" "AUTH|RCPT|DATA" "neither login nor mail was sent"
is "$(grep -c EHLO "$MAIL/heard")" 1 "not even a greeting inside the connection"
sh_ "ncs certvalidation tofu-certs deletecert host ${SMTP}_$PORT"
configure "mail-server $SMTP port $PORT username relay password plain Secret-of-mail from prime@example.com to ops@example.com starttls"
wait_for 10 has_mails 1
ok $? "the pin deleted, it goes"
wait_for 10 waiting 0

# --- wrong password
configure "mail-server $SMTP port $PORT username relay password plain wrong from prime@example.com to ops@example.com"
new_notice
wait_for 10 problem_is 'refuses the user or the password'
ok $? "a wrong password: $(jq -r '.notices[0].problem' <<<"$OUT")"
unlike "$(cat "$HOME_DIR"/log/*.log; sh_ 'show notices'; echo "$OUT")" "Secret-of-mail|plain wrong" "no secret in logs or listing"

# --- TLS from the first byte
PORT=465
smtp_up tls auth
configure "mail-server $SMTP port $PORT username relay password plain Secret-of-mail from prime@example.com to ops@example.com"
wait_for 10 has_mails 1
ok $? "port 465: TLS from the first byte on"
like "$(cat "$MAIL/heard")" "connected with TLS" "the server saw it"
wait_for 10 waiting 0
PORT=2525

# --- some recipients only
smtp_up
touch "$MAIL/later"
configure "mail-server $SMTP port $PORT from prime@example.com to nobody@example.com,ops@example.com,later@example.com"
new_notice
wait_for 10 problem_is 'later@example.com: 450'
ok $? "a recipient is put off, and why is listed: $(jq -r '.notices[0].problem' <<<"$OUT")"
is "$(mails)" 1 "the others have it"
is "$(jq -r '.notices[0].delivered_to' <<<"$OUT")" "ops@example.com" "who, is listed"
rm "$MAIL/later"
configure "mail-server $SMTP port $PORT from prime@example.com to ops@example.com,later@example.com"
wait_for 10 has_mails 2
is "$(cat "$MAIL"/mail.[0-9]* | grep -c 'X-To: ops')" 1 "nobody gets it twice"
wait_for 10 waiting 0
ok $? "and then nothing waits"

# --- dead, and deaf: nothing else is delayed
smtp_down
new_notice
wait_for 10 problem_is 'cannot connect to .* Connection refused'
ok $? "nobody there"
node_stop
node_start
waiting 1
ok $? "it outlives a restart"
rm -f "$MAIL/heard"
smtp_up deaf
configure "mail-server $SMTP port $PORT from prime@example.com to ops@example.com"
START=$(date +%s%N)
sh_ "show clock"
configure "mail-server $SMTP port $PORT from prime2@example.com to ops@example.com"
node_stop
ELAPSED=$((($(date +%s%N) - START) / 1000000))
ok $((ELAPSED > 8000)) "a deaf server delays neither commands nor the end of the node ($ELAPSED ms)"
node_start
sh_ "clear notices"
like "$OUT" "1 notice removed" "clear notices"
waiting 0
ok $? "none is left"
like "$(tail -5 "$HOME_DIR/log/audit.log")" "notice.clear" "and the audit trail has it"
done_testing
