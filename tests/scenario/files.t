#!/usr/bin/env bash
# Repositories and files: listing, folders, copies over every protocol with real servers, bad paths, full disk, Ctrl-C, secrets.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/node.sh"
node_up
. "$ROOT/tests/lib/counterparts.sh"
REPO=$HOME_DIR/repository/defaultRepo
head -c 3000000 /dev/urandom >"$SITE/big"
echo small >"$SITE/small"
put() { # put <file> <text>: into the default repository, as the node's user sees it
    printf '%s\n' "$2" >"$REPO/$1"
    chmod 644 "$REPO/$1"
}
leftovers() { find "$HOME_DIR/repository" -name '.*' ! -name . | wc -l; }

# --- listing and folders
put one.txt "first"
sh_ "show repository"
like "$OUT" "defaultRepo +disk:/defaultRepo" "show repository lists the default one"
sh_ "show repository defaultRepo"
is "$OUT" "one.txt" "show repository <name> lists its files, one a line"
sh_ "show repository nix"
like "$STATUS $ERR" "1 % Error: there is no repository nix" "an unknown repository"
is "$OUT" "" "and nothing is listed"
sh_ "dir"
like "$OUT" $'^\nDirectory of disk:/\n\n +[0-9]+ [A-Z][a-z]{2} [0-9]{2} [0-9]{4} [0-9:]{8}  defaultRepo/\n\n           Usage for disk: filesystem\n +[0-9]+ bytes total used\n +[0-9]+ bytes free\n +[0-9]+ bytes available$' \
    "dir, in its published form"
sh_ "dir disk:/defaultRepo | json"
is "$(echo "$OUT" | jq -c '[.files[0].name, .files[0].size, .files[0].folder, .usage.free_bytes > 0]')" '["one.txt",6,false,true]' "dir as JSON"
sh_ "mkdir disk:/defaultRepo/sub"
is "$STATUS$OUT$ERR" 0 "mkdir is silent"
sh_ "mkdir disk:/defaultRepo/sub"
like "$STATUS $ERR" "1 % Error: there is a disk:/defaultRepo/sub already" "mkdir of what is there"
sh_ "copy disk:/defaultRepo/one.txt disk:/defaultRepo/sub"
is "$OUT" "6 bytes copied to disk:/defaultRepo/sub/one.txt" "copy into a folder keeps the name"
is "$(cat "$REPO/sub/one.txt")" first "and the bytes"
sh_ "copy disk:/defaultRepo/one.txt disk:/defaultRepo/sub/one.txt"
like "$STATUS $ERR" "1 % Error: there is a file disk:/defaultRepo/sub/one.txt already.*overwrite" "copy does not replace what is there"
sh_ "copy disk:/defaultRepo/one.txt disk:/defaultRepo/sub/one.txt overwrite"
is "$STATUS" 0 "unless told to"
sh_ "copy disk:/defaultRepo/one.txt disk:/defaultRepo/one.txt overwrite"
like "$STATUS $ERR" "1 % Error: .* cannot be copied onto itself" "but never onto itself"
sh_ "rmdir disk:/defaultRepo/sub"
like "$STATUS $ERR" "1 % Error: disk:/defaultRepo/sub is not empty" "rmdir of a full folder"
sh_ "delete disk:/defaultRepo/sub/one.txt"
is "$STATUS$OUT$ERR" 0 "delete is silent"
sh_ "delete disk:/defaultRepo/sub/one.txt"
like "$STATUS $ERR" "1 % Error: there is no disk:/defaultRepo/sub/one.txt" "delete of what is not there"
sh_ "delete disk:/defaultRepo/sub"
like "$STATUS $ERR" "1 % Error: disk:/defaultRepo/sub is a folder" "delete of a folder"
sh_ "rmdir disk:/defaultRepo/sub"
is "$STATUS$OUT$ERR" 0 "rmdir"
sh_ "rmdir disk:/defaultRepo"
like "$STATUS $ERR" "1 % Error: disk:/defaultRepo always exists" "the default repository stays"
sh_ "mkdir disk:/second"
sh_ "show repository | include second"
like "$OUT" "second +disk:/second" "mkdir in disk:/ makes a repository"
sh_ "rmdir disk:/second"

# --- no path leads out
LONG=$(head -c 3900 /dev/zero | tr '\0' a)
ln -s /etc/passwd "$REPO/link"
ln -s /etc "$REPO/folder-link"
ln -s "$HOME_DIR" "$HOME_DIR/repository/linked"
mkfifo "$REPO/fifo"
chmod 666 "$REPO/fifo"
for path in disk:/../node.conf disk:/defaultRepo/../../keys/seal.key disk:/./x disk:/defaultRepo/.hidden disk:/defaultRepo//x \
    disk:/defaultRepo/link disk:/defaultRepo/folder-link/passwd disk:/linked/node.conf disk:/defaultRepo/fifo \
    "disk:/$LONG" "disk:/defaultRepo/$LONG" /etc/passwd disk:/a/b/c/d/e/f/g/h/i/j; do
    sh_ "copy $path disk:/defaultRepo/stolen"
    [ "$STATUS" != 0 ] && [ ! -e "$REPO/stolen" ]
    ok $? "copy from ${path:0:50} is refused: $(echo "$ERR" | grep % | cut -c 1-100)"
    sh_ "copy disk:/defaultRepo/one.txt $path overwrite"
    [ "$STATUS" != 0 ] || [ "$path" = disk:/defaultRepo/link ] || [ "$path" = disk:/defaultRepo/fifo ]
    ok $? "copy to ${path:0:50} is refused"
done
is "$(stat -c %F "$REPO/link")" "regular file" "a link in the way is replaced, not followed"
grep -q first /etc/passwd
is "$?" 1 "and what it pointed to is as it was"
rm -f "$REPO/fifo" "$REPO/link" "$REPO/folder-link" "$HOME_DIR/repository/linked"
sh_ $'delete disk:/defaultRepo/a\x01b'
is "$STATUS" 2 "a control character is not even a line"
"$BIN/primesh" --home "$HOME_DIR" >/dev/null 2>"$TMP/err" < <(printf 'delete disk:/defaultRepo/one\0.txt\n')
is "$?" 2 "nor is a NUL"
[ -e "$REPO/one.txt" ]
ok $? "nothing was deleted"

# --- https and http: judged in the trust zone user
nginx_up
ok $? "nginx is up"
sh_ "copy https://$SERVERS:8443/big disk:/defaultRepo/"
is "$STATUS" 0 "https: first contact $ERR"
cmp -s "$SITE/big" "$REPO/big"
ok $? "the bytes are the same"
sh_ "ncs certvalidation tofu-certs showcert host ${SERVERS}_8443"
like "$OUT" "user" "its certificate is pinned in the trust zone user"
nginx_renew
: >"$TMP/nginx/access.log"
sh_ "copy https://$SERVERS:8443/small disk:/defaultRepo/"
like "$STATUS $ERR" "1 % Error: .*${SERVERS}_8443" "another certificate is refused"
sh_ "copy disk:/defaultRepo/one.txt https://$SERVERS:8443/stolen"
is "$STATUS$(cat "$TMP/nginx/access.log")" 1 "for uploads too, and nothing of a request crosses"
like "$(cat "$HOME_DIR/log/application.log")" "\[user\] \[seqtaskexecutor-[0-9]+\] TOFU failed" "the log has the record"
sh_ "ncs certvalidation tofu-certs deletecert host ${SERVERS}_8443"
sh_ "copy https://$SERVERS:8443/small disk:/defaultRepo/"
is "$(cat "$REPO/small")" small "after deletecert it is a first contact again"
sh_ "copy disk:/defaultRepo/one.txt https://$SERVERS:8443/put.txt"
is "$OUT" "6 bytes copied to https://$SERVERS:8443/put.txt" "https upload (PUT)"
cmp -s "$SITE/put.txt" "$REPO/one.txt"
ok $? "arrived whole"
sh_ "copy http://$SERVERS:8080/small disk:/defaultRepo/by-http"
is "$STATUS$(cat "$REPO/by-http")" 0small "http"
sh_ "copy http://$SERVERS:8080/none disk:/defaultRepo/x"
like "$STATUS $ERR" "1 % Error: there is no http://$SERVERS:8080/none" "404"
sh_ "copy http://$SERVERS:8080/moved/x disk:/defaultRepo/x"
like "$STATUS $ERR" "1 % Error: .* lies somewhere else.*https://elsewhere.example/new" "a redirection is named, not followed"
sh_ "copy http://$SERVERS:8080/broken/x disk:/defaultRepo/x"
like "$STATUS $ERR" "1 % Error: .*HTTP status 500" "500"
sh_ "copy http://$SERVERS:8080/private/small disk:/defaultRepo/x"
like "$STATUS $ERR" "1 % Error: .*refuses access.*name a user" "no user"
lines "copy http://mover@$SERVERS:8080/private/small disk:/defaultRepo/x password-stdin" wrong
like "$STATUS $ERR" "1 % Error: .*refuses access.*is the password right" "a wrong password"
lines "copy http://mover@$SERVERS:8080/private/small disk:/defaultRepo/private password-stdin" "$SSH_PASSWORD"
is "$STATUS$(cat "$REPO/private")" 0small "the right one, from standard input"
put secret "$SSH_PASSWORD"
sh_ "copy http://$SERVERS:8080/private/small disk:/defaultRepo/private overwrite user mover password-file disk:/defaultRepo/secret"
is "$STATUS" 0 "and from a file in a repository"
rm "$REPO/secret"
sh_ "copy http://$SERVERS:8080/private/small disk:/defaultRepo/private overwrite user mover"
like "$STATUS $ERR" "1 % Error: password-stdin was not given" "without a terminal it says how to give one"
[ ! -e "$REPO/x" ]
ok $? "no failed copy left a file"

# --- ftp and tftp
ftp_up
ok $? "an FTP server is up"
sh_ "copy ftp://$SERVERS:2121/big disk:/defaultRepo/by-ftp"
cmp -s "$SITE/big" "$REPO/by-ftp"
is "$STATUS$?" 00 "ftp, anonymous $ERR"
sh_ "copy disk:/defaultRepo/one.txt ftp://$SERVERS:2121/"
like "$STATUS $ERR" "1 % Error: " "anonymous may not write"
lines "copy disk:/defaultRepo/one.txt ftp://mover@$SERVERS:2121/ password-stdin" "$SSH_PASSWORD"
is "$STATUS$(cat "$SITE/one.txt")" 0first "ftp upload keeps the name"
lines "copy disk:/defaultRepo/one.txt ftp://mover@$SERVERS:2121/ password-stdin" wrong
like "$STATUS $ERR" "1 % Error: $SERVERS refuses the user or the password" "ftp, wrong password"
sh_ "copy ftp://$SERVERS:2121/none disk:/defaultRepo/x"
like "$STATUS $ERR" "1 % Error: .*none" "ftp, no such file"
if tftp_up; then
    sh_ "copy tftp://$SERVERS:6969/small disk:/defaultRepo/by-tftp"
    is "$STATUS$(cat "$REPO/by-tftp")" 0small "tftp $ERR"
    sh_ "copy disk:/defaultRepo/one.txt tftp://$SERVERS:6969/tftp-put"
    is "$STATUS$(cat "$SITE/tftp-put")" 0first "tftp upload"
    sh_ "copy tftp://$SERVERS:6969/none disk:/defaultRepo/x"
    like "$STATUS $ERR" "1 % Error: there is no tftp://" "tftp, no such file"
fi

# --- sftp and scp
sshd_up
ok $? "sshd is up"
URL=sftp://mover@$SERVERS:2222
lines "copy $URL$SITE/big disk:/defaultRepo/by-sftp password-stdin" "$SSH_PASSWORD"
cmp -s "$SITE/big" "$REPO/by-sftp"
is "$STATUS$?" 00 "sftp $ERR"
sh_ "show crypto host_keys"
like "$OUT" "${SERVERS}_2222 +ssh-ed25519 +$(ssh-keygen -lf "$TMP/sshd/key.pub" | cut -d' ' -f2 | sed 's/+/\\+/g')" "its host key is kept"
lines "copy disk:/defaultRepo/big $URL/~/sftp-put password-stdin" "$SSH_PASSWORD"
cmp -s "$SITE/big" "$SITE/sftp-put"
is "$STATUS$?" 00 "sftp upload $ERR"
lines "copy scp://$SERVERS:2222$SITE/small disk:/defaultRepo/by-scp user mover password-stdin" "$SSH_PASSWORD"
is "$STATUS$(cat "$REPO/by-scp")" 0small "scp, with the user on the line"
lines "copy disk:/defaultRepo/one.txt scp://mover@$SERVERS:2222$SITE/scp%20put password-stdin" "$SSH_PASSWORD"
is "$STATUS$(cat "$SITE/scp put")" 0first "scp upload, to a name with a blank"
lines "copy $URL$SITE/small disk:/defaultRepo/x password-stdin" wrong
like "$STATUS $ERR" "1 % Error: $SERVERS port 2222 refuses the user or the password" "sftp, wrong password"
lines "copy $URL$SITE/none disk:/defaultRepo/x password-stdin" "$SSH_PASSWORD"
like "$STATUS $ERR" "1 % Error: $SERVERS has no $SITE/none" "sftp, no such file"
lines "copy $URL$SITE disk:/defaultRepo/x password-stdin" "$SSH_PASSWORD"
like "$STATUS $ERR" "1 % Error: $SITE on $SERVERS is a folder" "sftp, a folder"
lines "copy disk:/defaultRepo/one.txt $URL/proc/nothing password-stdin" "$SSH_PASSWORD"
like "$STATUS $ERR" "1 % Error: $SERVERS" "sftp, where nobody may write"
lines "copy sftp://mover@$SERVERS:2223/x disk:/defaultRepo/x password-stdin" "$SSH_PASSWORD"
like "$STATUS $ERR" "1 % Error: cannot connect to $SERVERS port 2223: Connection refused" "sftp, nobody there"
sh_ "copy sftp://-oProxyCommand=id@$SERVERS/x disk:/defaultRepo/x"
is "$STATUS" 2 "a user that would be an option to ssh is none"
sh_ "copy sftp://mover@-oProxyCommand=id/x disk:/defaultRepo/x"
is "$STATUS" 2 "nor is a host"
sshd_down
rm "$TMP/sshd/key" "$TMP/sshd/key.pub"
sshd_up
lines "copy $URL$SITE/small disk:/defaultRepo/x password-stdin" "$SSH_PASSWORD"
like "$STATUS $ERR" "1 % Error: $SERVERS port 2222 shows another host key.*SHA256:.*crypto host_key delete host ${SERVERS}_2222" "a changed host key is refused, with what to do"
unlike "$(cat "$TMP/sshd/log")" "Accepted password.*Accepted password.*Accepted password.*Accepted password.*Accepted password.*Accepted password.*Accepted password.*Accepted password" "no password was sent to it"
sh_ "crypto host_key delete host ${SERVERS}_2222"
is "$STATUS" 0 "crypto host_key delete"
# what somebody in the half that writes the home could leave there for ssh, which no filter holds
ESCAPED=$SITE/escaped # where everybody may write
printf '#!/bin/sh\nid >"%s"\nIFS= read -r answer <&2\nprintf "%%s\\n" "$answer"\n' "$ESCAPED" >"$HOME_DIR/ssh/askpass"
chmod 755 "$HOME_DIR/ssh/askpass"
lines "copy $URL$SITE/small disk:/defaultRepo/again password-stdin" "$SSH_PASSWORD"
is "$STATUS" 0 "then it is a first contact again"
[ ! -e "$ESCAPED" ]
ok $? "ssh starts no program of the home"
if python3 -c 'import ctypes; raise SystemExit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 2)'; then
    mv "$HOME_DIR/ssh/known_hosts" "$HOME_DIR/ssh/known_hosts.away"
    ln -s "$ESCAPED" "$HOME_DIR/ssh/known_hosts"
    lines "copy $URL$SITE/small disk:/defaultRepo/again overwrite password-stdin" "$SSH_PASSWORD"
    [ ! -e "$ESCAPED" ]
    ok $? "and writes nowhere but below the home"
    mv "$HOME_DIR/ssh/known_hosts.away" "$HOME_DIR/ssh/known_hosts"
fi
sshd_down
sshd_up "Subsystem other /bin/true"
lines "copy $URL$SITE/small disk:/defaultRepo/x password-stdin" "$SSH_PASSWORD"
like "$STATUS $ERR" "1 % Error: .*no SFTP" "a server without SFTP"
sshd_down

# --- repositories that lie somewhere else
sshd_up
mkdir -p "$SITE/remote/sub"
chmod 777 "$SITE/remote"
echo far >"$SITE/remote/far.txt"
lines "configure terminal" "repository far" "url sftp://$SERVERS:2222$SITE/remote" "user mover password plain \"${SSH_PASSWORD//\"/\\\"}\"" "exit" \
    "repository ftp" "url ftp://$SERVERS:2121/remote" "user mover password plain \"${SSH_PASSWORD//\"/\\\"}\"" "exit" \
    "repository near" "url disk:/defaultRepo" "exit" "repository web" "url http://$SERVERS:8080/remote" "end" "write memory"
is "$STATUS$ERR" 0 "repositories are configured"
sh_ "show repository"
like "$OUT" "far +sftp://$SERVERS:2222$SITE/remote +mover" "show repository lists them"
sh_ "show repository far"
is "$(sort <<<"$OUT")" $'far.txt\nsub/' "sftp: its files"
sh_ "show repository ftp"
like "$OUT" "far.txt" "ftp: its files"
sh_ "show repository near"
like "$OUT" "one.txt" "disk: its files"
sh_ "show repository web"
like "$STATUS $ERR" "1 % Error: .*gives no list" "http gives no list"
sh_ "dir disk:/far/sub"
like "$STATUS $OUT" "0 .*Directory of disk:/far/sub" "dir of a folder there"
sh_ "copy disk:/far/far.txt disk:/defaultRepo/"
is "$STATUS$(cat "$REPO/far.txt")" 0far "copied from there, with the sealed password $ERR"
sh_ "copy disk:/defaultRepo/one.txt disk:/far/sub/"
is "$STATUS$(cat "$SITE/remote/sub/one.txt")" 0first "and to there $ERR"
sh_ "copy disk:/defaultRepo/one.txt disk:/ftp/sent"
is "$STATUS$(cat "$SITE/remote/sent")" 0first "and by ftp"
sh_ "copy disk:/web/far.txt disk:/near/by-web"
is "$STATUS$(cat "$REPO/by-web")" 0far "from one to another $ERR"
sh_ "delete disk:/far/far.txt"
like "$STATUS $ERR" "1 % Error: .*lies on another machine" "nothing is deleted over there"
for write in "show clock | save x repository far" "ncs key genkey -csr x repository ftp force" \
    "ncs certvalidation tofu-certs exportcerts x repository ftp"; do
    sh_ "$write"
    like "$STATUS $ERR" "1 % Error: the repository (far|ftp) lies on another machine.*copy disk:/defaultRepo/x disk:/" "not at once: $write"
done
sh_ "ncs key importsignedcert x.pem repository ftp"
like "$STATUS $ERR" "1 % Error: the repository ftp lies on another machine.*copy disk:/ftp/x.pem disk:/defaultRepo/" "and nothing is read from there unasked"
sh_ "ncs certvalidation tofu-certs exportcerts pins.json repository near"
like "$STATUS$(head -c 8 "$REPO/pins.json")" '^0\{"host":' "one that is a folder of this node will do $ERR"
lines "backup away repository far password-stdin" "a long passphrase"
is "$STATUS" 0 "a backup goes there $ERR"
AWAY=$(cd "$SITE/remote" && ls away-*.backup)
lines "restore $AWAY repository far password-stdin force" "not that one"
like "$STATUS $ERR" "1 % Error: the passphrase is not that" "and is read from there"
lines "restore $AWAY repository far password-stdin force" "a long passphrase"
is "$STATUS" 0 "and comes back from there $ERR"
sh_ "show repository far"
is "$STATUS" 0 "the restored node still has its sealed passwords $ERR"
sshd_down

# --- a bar on the terminal, and Ctrl-C
expect >"$TMP/expect.out" 2>&1 <<E
set timeout 20
set env(TERM) vt100
spawn -noecho $BIN/primesh --home $HOME_DIR
expect "node/admin# " {} timeout { exit 1 }
send "copy http://$SERVERS:8080/slow/big disk:/defaultRepo/slow\r"
expect -re {Copying +\[#+ +\] +[0-9]+%} {} timeout { exit 2 }
send "\x03"
expect "interrupted" {} timeout { exit 3 }
expect "node/admin# " {} timeout { exit 4 }
send "copy sftp://$SERVERS:2222/x disk:/defaultRepo/x\r"
expect "Username: " {} timeout { exit 5 }
send "mover\r"
expect "Password: " {} timeout { exit 6 }
send "$(printf %s "$SSH_PASSWORD" | sed 's/["\\]/\\&/g')\r"
expect "cannot connect" {} timeout { exit 7 }
send "copy http://$SERVERS:8080/small disk:/defaultRepo/small\r"
expect "Replace it?" {} timeout { exit 8 }
send "yes\r"
expect "bytes copied" {} timeout { exit 9 }
send "copy http://mover:in-the-url@$SERVERS:8080/small disk:/defaultRepo/small\r"
expect "does not belong" {} timeout { exit 10 }
send "exit\r"
expect eof
E
is "$?" 0 "bar, Ctrl-C, questions at a terminal"
unlike "$(cat "$TMP/expect.out")" "pass word" "the password is not echoed"
no_part() { [ "$(leftovers)" = 0 ]; }
wait_for 5 no_part
ok $? "what had arrived of the stopped copy is removed"
[ ! -e "$REPO/slow" ]
ok $? "and no file has its name"

# --- secrets
KNOWN=$(grep -rlF "$SSH_PASSWORD" "$HOME_DIR" 2>/dev/null)
is "$KNOWN" "" "the password is in no file of the home"
is "$(grep -rlF "in-the-url" "$HOME_DIR" 2>/dev/null)" "" "nor is one that was typed into a URL"
sshd_up
head -c 300000000 /dev/zero >"$SITE/huge"
printf '%s\n' "copy $URL$SITE/huge disk:/defaultRepo/huge password-stdin" "$SSH_PASSWORD" |
    "$BIN/primesh" --home "$HOME_DIR" >/dev/null 2>&1 &
COPYING=$!
ssh_runs() { pgrep -f "ssh -F none.*$SERVERS" >/dev/null; }
wait_for 10 ssh_runs
ok $? "ssh runs"
SEEN=$(ps axeww)
case "$SEEN" in *"$SSH_PASSWORD"*) ok 1 "the password is in no process's arguments or environment" ;; *) ok 0 "the password is in no process's arguments or environment" ;; esac
if [ "$(id -u)" = 0 ]; then
    is "$(ps -o user= -p "$(pgrep -f "ssh -F none.*$SERVERS" | head -1)")" nobody "ssh runs as the node's user"
fi
kill -9 $COPYING
wait $COPYING 2>/dev/null
not_ssh() { ! ssh_runs; }
wait_for 10 not_ssh
ok $? "a caller that died leaves no ssh behind"
wait_for 5 no_part
ok $? "and no part of the file"
rm -f "$SITE/huge"

# --- a full disk
if [ "$(id -u)" = 0 ] && mkdir "$HOME_DIR/repository/tiny" && mount -t tmpfs -o size=1m,mode=777 none "$HOME_DIR/repository/tiny" 2>/dev/null; then
    at_exit "umount -l '$HOME_DIR/repository/tiny'"
    for from in http://$SERVERS:8080/big ftp://$SERVERS:2121/big disk:/defaultRepo/big; do
        sh_ "copy $from disk:/tiny/ | json"
        is "$(echo "$OUT" | jq -r .error.code)" store-full "full disk, from $from: $(echo "$OUT" | jq -r .error.message)"
    done
    lines "copy $URL$SITE/big disk:/tiny/ password-stdin" "$SSH_PASSWORD"
    like "$STATUS $ERR" "1 % Error: .*(No space|room|more than)" "full disk, from sftp: $ERR"
    is "$(ls -A "$HOME_DIR/repository/tiny")" "" "nothing half-copied stays"
    sh_ "copy disk:/defaultRepo/one.txt disk:/tiny/"
    is "$STATUS" 0 "what fits is copied"
fi

# --- and the audit trail
sh_ "show audit | count"
sh_ "show audit last 400"
like "$OUT" "mkdir disk:/defaultRepo/sub" "the audit trail has what was changed"
case "$OUT" in *"$SSH_PASSWORD"*) ok 1 "and no password" ;; *) ok 0 "and no password" ;; esac
done_testing
