#!/usr/bin/env bash
# Every command line of the published procedures is one that the shell takes, word for word.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
lab_up
TOFU="ncs certvalidation tofu-certs"

# What the procedures start from: everybody has met everybody.
command -v expect >/dev/null || skip_all "expect is not installed"
on prime-pri "utils ctl set-cluster mixed-mode force"
for host in "$NET.12_8082" "$ISE" "$DNAC"; do on prime-pri "$TOFU addcert host $host"; done
on prime-sec "$TOFU addcert host $NET.11_8082"

# Types it at a terminal, as a person does, and says yes where it asks. The node is the one that holds the pin.
cat >"$TMP/type.exp" <<'EXPECT'
set timeout 60
log_user 0
lassign $argv program home line
set env(TERM) dumb
set stty_init "rows 50 columns 250"
spawn -noecho $program --home $home
expect -re {# $}
send -- "$line\r"
expect -re {\n}
expect {
    -re {\((?:yes/no|yes\|no|y/n)\)(?:\?|:) ?$} { append said $expect_out(buffer); send [expr {[string match "*(y/n)*" $expect_out(buffer)] ? "y\r" : "yes\r"}]; exp_continue }
    -re {\nprime-(pri|sec)/admin# $} { append said $expect_out(buffer) }
    -re {^prime-(pri|sec)/admin# $} { append said "" }
    timeout { append said "% timeout" }
}
send "exit\r"
expect eof
puts [string map {"\r" ""} $said]
EXPECT
type_it() { # type_it <command>: OUT
    local node=prime-pri
    [[ $1 != *"host $NET.11_"* ]] || node=prime-sec
    OUT=$(expect -f "$TMP/type.exp" "$BIN/primesh" "$LAB/$node" "$1")
}

while IFS='|' read -r flow line; do
    line=$(sed -e "s/{primary}/$NET.11/; s/{secondary}/$NET.12/; s/{ise}_443/$ISE/; s/{dnac}_443/$DNAC/" <<<"${line# }")
    [[ $line != *"$ISE" ]] || on prime-pri "$TOFU addcert host $ISE" # one form may have deleted it for the other
    type_it "$line"
    unlike "$OUT" "(^|
)% |unsuccessfully|Nothing was changed" "$line"
done < <(grep -v -e '^#' -e '^$' "$ROOT/tests/scenario/published-commands.txt")
done_testing
