#!/usr/bin/env bash
# Configuration mode: statements and their `no` forms, paste-back, running and startup, secrets.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"

node_up
KEY1="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEcZGTOuVRNYtkRyYyv7WEu2gX/Ob96EFwFbe5guUfQ1"
KEY2="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMNRouZqiHDvrPL82HQsYE5r95z6A5j+nsQ7+82+wVrc"

# Runs lines in configuration mode: output in OUT, errors in ERR, status in STATUS.
configure() { # configure <home>; lines on standard input
    { echo "configure terminal"; cat; } | "$BIN/primesh" --home "$1" >"$TMP/out" 2>"$TMP/err"
    STATUS=$?
    OUT=$(cat "$TMP/out")
    ERR=$(cat "$TMP/err")
}

running() { "$BIN/primesh" --home "$1" -c "show running-config"; }

is "$(running "$HOME_DIR")" "$(printf '!\nhostname node\n!\nlogging loglevel 6\n!\nplatform-release 3.5\n!')" \
    "an empty node shows what node.conf says"

configure "$HOME_DIR" <<X
hostname Prime-Pri
ip domain-name example.com
clock timezone UTC
username alice sshkey $KEY1 alice@laptop role admin
username alice sshkey $KEY2 role admin
username bob password system role user
username carl role user
repository backups
 url sftp://host.example.com/dir
 user joe password plain Secret-1-of-repository
repository empty
!
logging loglevel warning
mail-server mail.example.com port 587 username relay password plain Secret-2-of-mail from a@example.com starttls
platform-release 3.9
X
is "$STATUS" 0 "all statements are taken"
is "$OUT" "Enter configuration commands, one per line.  End with CNTL/Z." "and nothing is printed but the greeting"
is "$ERR" "" "nor any error"

FIRST=$(running "$HOME_DIR")
is "$(sed 's/sealed [A-Za-z0-9+=/]*/sealed X/' <<<"$FIRST")" "!
hostname Prime-Pri
ip domain-name example.com
!
clock timezone UTC
!
username alice sshkey $KEY1 alice@laptop role admin
username alice sshkey $KEY2 role admin
username bob password system role user
username carl role user
!
repository backups
 url sftp://host.example.com/dir
 user joe password sealed X
!
repository empty
!
logging loglevel 4
!
mail-server mail.example.com port 587 username relay password sealed X from a@example.com starttls
!
platform-release 3.9
!" "show running-config, in its order"
sh_ "ncs certvalidation tofu-certs listcerts"
like "$OUT" "^host=${ADDRESS}_8082;  subject=CN = node$" "platform-release 3.9 changes listcerts at once"

# --- pasted into an empty node: the same configuration (the sealing key is the node's own)
OTHER=$TMP/other
mkdir -p "$OTHER/keys"
chmod 700 "$OTHER/keys"
cp -p "$HOME_DIR/keys/seal.key" "$OTHER/keys/"
sed "s/^hostname.*/hostname = other/; s/^listen.*/listen = ${ADDRESS%.1}.2/" "$HOME_DIR/node.conf" >"$OTHER/node.conf"
"$BIN/primed" --home "$OTHER"
at_exit 'kill $(cat "$OTHER/run/primed.pid")'
configure "$OTHER" <<<"$FIRST"
is "$STATUS$ERR" 0 "the listing is taken as it is"
is "$(running "$OTHER")" "$FIRST" "and gives the same listing"

# --- a foreign node cannot open the secrets, nor can another setting of the same node
THIRD=$TMP/third
mkdir -p "$THIRD"
sed "s/^listen.*/listen = ${ADDRESS%.1}.3/" "$HOME_DIR/node.conf" >"$THIRD/node.conf"
"$BIN/primed" --home "$THIRD"
at_exit 'kill $(cat "$THIRD/run/primed.pid")'
configure "$THIRD" <<<"$FIRST"
is "$STATUS" 1 "a foreign node refuses"
is "$(grep -c "^% Error: the sealed secret .* was altered, or sealed under another key or name" <<<"$ERR")" 2 "the sealed secrets, and says why"
is "$(running "$THIRD" | grep -c alice)" 2 "all else is taken"
SEALED=$(sed -n 's/^ user joe password sealed //p' <<<"$FIRST")
configure "$HOME_DIR" <<<"mail-server m.example.com password sealed $SEALED"
like "$ERR" "sealed secret mail-server/password was altered, or sealed under another key or name" \
    "a sealed secret fits its own setting only"

# --- the prompt follows at once
cat >"$TMP/prompt.exp" <<'X'
set timeout 10
spawn $env(BIN)/primesh --home $env(HOME_DIR)
expect -exact "Prime-Pri/admin# "; send "configure terminal\r"
expect -exact "Prime-Pri/admin(config)# "; send "hostname renamed\r"
expect -exact "renamed/admin(config)# "; send "repository backups\r"
expect -exact "renamed/admin(config-Repository)# "; send "logging loglevel 6\r"
expect -exact "renamed/admin(config)# "; send "no hostname\r"
expect -exact "node/admin(config)# "; send "hostname Prime-Pri\r"
expect -exact "Prime-Pri/admin(config)# "; send "user x\r"
expect -exact "invalid command detected"; send "repository backups\r"
expect -exact "Prime-Pri/admin(config-Repository)# "; send "user joe password\r"
expect -exact "Password: "; send "Secret-3-typed\r"
expect -exact "Prime-Pri/admin(config-Repository)# "; send "url sftp://joe:Secret-4-typed@host/\r"
expect -exact "without a user in it"
expect -exact "Prime-Pri/admin(config-Repository)# "; send "user joe password plain Secret-1-typed\r"
expect -exact "Prime-Pri/admin(config-Repository)# "; send "exit\r"
expect -exact "Prime-Pri/admin(config)# "; send "\x1a"
expect -exact "Prime-Pri/admin# "; send "exit\r"
expect eof { puts DONE }
X
BIN=$BIN HOME_DIR=$HOME_DIR expect "$TMP/prompt.exp" >"$TMP/prompt.out" 2>&1
like "$(tail -1 "$TMP/prompt.out")" "DONE" "hostname and modes change the prompt at once, and \`user\` asks for its password"
unlike "$(cat "$TMP/prompt.out")" "Secret-3" "without echo"

# --- running and startup
sh_ "show startup-config"
like "$OUT" "hostname node" "nothing was written yet"
sh_ "ncs restart"
is "$(head -1 <<<"$OUT")" \
    "The running configuration was not saved, and the next start does not bring it back; keep it with: write memory" \
    "ncs restart says first what it costs"
is "$(running "$HOME_DIR")" "$(printf '!\nhostname node\n!\nlogging loglevel 6\n!\nplatform-release 3.5\n!')" \
    "what was not written is gone after ncs restart"
configure "$HOME_DIR" <<<"$FIRST"
sh_ "copy running-config startup-config"
is "$OUT" "Building configuration..." "copy running-config startup-config"
sh_ "show startup-config"
is "$OUT" "$FIRST" "show startup-config is the running one"
sh_ "ncs stop"
is "$(head -1 <<<"$OUT")" "Stopping primesh services..." "and a stop has nothing to say of it"
sh_ "ncs start"
configure "$HOME_DIR" <<<"no ip domain-name"
kill -KILL "$(writer_pid)" "$(node_pid)"
wait_for 5 not pgrep -f "primed --home $HOME_DIR"
node_start
is "$(running "$HOME_DIR")" "$FIRST" "kill -9: the startup configuration is back, a \`no\` that was not written is gone"
configure "$HOME_DIR" <<<"no ip domain-name"
sh_ "write memory"
is "$OUT" "Building configuration..." "write memory"
node_stop
node_start
is "$(running "$HOME_DIR")" "$(grep -v domain-name <<<"$FIRST")" "a \`no\` that was written stays"

# --- no forms
configure "$HOME_DIR" <<X
no hostname
no ip domain-name example.com
no clock timezone
no username alice sshkey $KEY1
no username bob password system
no username carl
no repository empty
repository backups
no user
no url
no logging loglevel
no mail-server
no platform-release
X
is "$STATUS$ERR" 0 "all \`no\` forms are taken, also where nothing was set"
is "$(running "$HOME_DIR")" "!
hostname node
!
username alice sshkey $KEY2 role admin
username bob role user
!
repository backups
!
logging loglevel 6
!
platform-release 3.5
!" "and only what they name is gone"
configure "$HOME_DIR" <<X
no username nobody
no repository nothing
no username alice sshkey $KEY1
X
is "$ERR" "% Error: there is no account \"nobody\" on this node
% Error: the repository \"nothing\" is not configured
% Error: the account \"alice\" does not have that" "what is named and not there was mistyped"

# --- what is refused, one sentence each
configure "$HOME_DIR" <<X
hostname 10.0.0.1
clock timezone ../../../etc/passwd
username ../x role admin
platform-release 3.1
hostname bad_name
ha
 email-address ops@example.com, noc@example.com
 email-address a@b.example,,d@e.example
exit
username dora sshkey ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIEcZGTOuVRNYtkRyYyv7WEu2gX/Ob96EFwFbe5guUfQ1 role admin
logging loglevel 8
repository x
 url sftp://joe:Secret-4-in-url@host/
 url file:///etc/passwd
no repository x
X
is "$(grep -c '^% ' <<<"$ERR")" 11 "eleven bad values"
unlike "$(grep '^%' <<<"$ERR")" "Secret-4" "and no message repeats a secret"
like "$ERR" "% invalid value for <hostname>: 10.0.0.1 is an address, not a name" "with the reason"
like "$ERR" "% invalid value for <hostname>: bad_name is not a name of letters, digits and hyphens" "and another one"
like "$ERR" "% invalid value for <release>: 3.1 is not 3.5, 3.9 or 3.10" "a release is no abbreviation"
is "$(grep -c 'between two commas, or at an end, there is none' <<<"$ERR")" 2 "and where an address is missing"
like "$ERR" "% Error: ssh-rsa AAAA.* is not a public SSH key" "a key of another algorithm"

# --- one command, one line of the audit trail, with the place it was typed in
configure "$HOME_DIR" <<X
ha
 heartbeat interval 700 misses 4
 virtual-ip ipv4 $ADDRESS
 no heartbeat
 no virtual-ip
repository placed
 url disk:/defaultRepo
no repository placed
X
sh_ "show audit last 7 | json"
is "$(jq -r '[.audit[].line] | join(";")' <<<"$OUT")" \
    "ha / heartbeat interval 700 misses 4;ha / virtual-ip ipv4 $ADDRESS;ha / no heartbeat;ha / no virtual-ip;repository placed;repository placed / url disk:/defaultRepo;no repository placed" \
    "each command once, with its place"
unlike "$(running "$HOME_DIR")" "heartbeat|virtual" "and both parts of it are gone"

# --- a 100-line configuration applies fully
{
    for i in $(seq 1 49); do printf 'repository many-%s\n url disk:/%s\n' "$i" "$i"; done
} >"$TMP/many"
configure "$HOME_DIR" <"$TMP/many"
is "$STATUS" 0 "100 lines are pasted"
is "$(running "$HOME_DIR" | grep -A1 '^repository many' | grep -v -- '^--' | sort)" "$(sort "$TMP/many")" "and all of them apply"

# --- no secret in clear anywhere in the home
LEAKS=$(grep -rla -e 'Secret-[1-4]' "$HOME_DIR" "$OTHER" "$THIRD")
is "$LEAKS" "" "no secret stands in clear in any file of a home"
sh_ "show audit"
like "$OUT" 'user joe password plain \*\*\*\*' "the audit trail has it masked"
sh_ "show audit | json"
unlike "$OUT" 'Secret-[1-4]' "in every form"
done_testing
