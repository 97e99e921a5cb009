# Real servers that files are copied from and to, each started by the test that needs it. SITE is what they serve.

SERVERS=${ADDRESS%.*}.60
SITE=$TMP/site
SSH_PASSWORD='pass word "1'
mkdir -p "$SITE"
chmod 777 "$SITE"

# A server's certificate: HTTPS_KEY and HTTPS_CERT, new each time.
https_renew() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TMP/https.key" -out "$TMP/https.crt" \
        -subj "/CN=files-server" -days 30 2>/dev/null
}

# nginx: http on 8080, https on 8443. /slow/ is slow, /private/ wants user and password, /moved/ is somewhere else.
nginx_up() {
    https_renew
    mkdir -p "$TMP/nginx"
    chmod 755 "$TMP/nginx"
    printf 'mover:%s\n' "$(openssl passwd -apr1 "$SSH_PASSWORD")" >"$TMP/nginx/users"
    local server="root $SITE; dav_methods PUT DELETE; client_max_body_size 100m; client_body_temp_path $TMP/nginx/body;
        location /slow/ { alias $SITE/; limit_rate 50k; }
        location /private/ { alias $SITE/; auth_basic files; auth_basic_user_file $TMP/nginx/users; }
        location /moved/ { return 302 https://elsewhere.example/new; }
        location /broken/ { return 500; }"
    cat >"$TMP/nginx/nginx.conf" <<E
daemon off;
pid $TMP/nginx/pid;
error_log $TMP/nginx/error.log;
worker_processes 1;
$([ "$(id -u)" != 0 ] || echo "user root;")
events { }
http {
    access_log $TMP/nginx/access.log;
    proxy_temp_path $TMP/nginx/p; fastcgi_temp_path $TMP/nginx/f; uwsgi_temp_path $TMP/nginx/u; scgi_temp_path $TMP/nginx/s;
    server { listen $SERVERS:8080; $server }
    server { listen $SERVERS:8443 ssl; ssl_certificate $TMP/https.crt; ssl_certificate_key $TMP/https.key; $server }
}
E
    /usr/sbin/nginx -c "$TMP/nginx/nginx.conf" -p "$TMP/nginx" -e "$TMP/nginx/error.log" >/dev/null 2>&1 &
    NGINX=$!
    at_exit "kill $NGINX 2>/dev/null; wait $NGINX 2>/dev/null"
    wait_for 10 curl -s -o /dev/null "http://$SERVERS:8080/"
}

nginx_renew() {
    https_renew
    kill -HUP "$NGINX"
    wait_for 10 serves_new_certificate
}

serves_new_certificate() {
    [ "$(openssl s_client -connect "$SERVERS:8443" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint)" = \
        "$(openssl x509 -noout -fingerprint -in "$TMP/https.crt")" ]
}

# A private sshd as whoever runs the test. Its accounts are its own (nss_wrapper): user mover, the password above.
sshd_up() { # sshd_up [<further line of its configuration>]
    local hash
    hash=$(openssl passwd -6 "$SSH_PASSWORD")
    mkdir -p "$TMP/sshd"
    [ -f "$TMP/sshd/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$TMP/sshd/key"
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    {
        grep -E '^(root|nobody):' /etc/passwd
        echo "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin"
        echo "mover:x:$(id -u):$(id -g):mover:$SITE:/bin/sh"
    } >"$TMP/sshd/passwd"
    echo "mover:$hash:19000:0:99999:7:::" >"$TMP/sshd/shadow"
    cat >"$TMP/sshd/conf" <<E
ListenAddress $SERVERS:2222
HostKey $TMP/sshd/key
PidFile none
UsePAM no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
StrictModes no
${1:-Subsystem sftp /usr/lib/openssh/sftp-server}
E
    LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=$TMP/sshd/passwd NSS_WRAPPER_GROUP=/etc/group \
        NSS_WRAPPER_SHADOW=$TMP/sshd/shadow /usr/sbin/sshd -D -f "$TMP/sshd/conf" -E "$TMP/sshd/log" &
    SSHD=$!
    at_exit "kill $SSHD 2>/dev/null; wait $SSHD 2>/dev/null"
    wait_for 10 port_answers 2222
}

sshd_down() {
    kill "$SSHD"
    wait "$SSHD" 2>/dev/null
}

port_answers() { (exec 3<>"/dev/tcp/$SERVERS/$1") 2>/dev/null; }

# FTP on 2121: mover with the password, and anonymous, who may only read.
ftp_up() {
    printf %s "$SSH_PASSWORD" >"$TMP/ftp.password" # not on a command line: the tests look for it there
    /usr/bin/python3 - "$SERVERS" "$SITE" "$TMP/ftp.password" >"$TMP/ftp.log" 2>&1 <<'P' &
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

users = DummyAuthorizer()
users.add_user("mover", open(sys.argv[3]).read(), sys.argv[2], perm="elradfmwMT")
users.add_anonymous(sys.argv[2])
FTPHandler.authorizer = users
FTPServer((sys.argv[1], 2121), FTPHandler).serve_forever()
P
    FTPD=$!
    at_exit "kill $FTPD 2>/dev/null; wait $FTPD 2>/dev/null"
    wait_for 10 port_answers 2121
}

# TFTP on 6969, with writing. Its server wants to be root.
tftp_up() {
    [ "$(id -u)" = 0 ] || return 1
    /usr/sbin/in.tftpd --foreground --create --user root --address "$SERVERS:6969" --secure "$SITE" >"$TMP/tftp.log" 2>&1 &
    TFTPD=$!
    at_exit "kill $TFTPD 2>/dev/null; wait $TFTPD 2>/dev/null"
    wait_for 10 tftp_answers
}

tftp_answers() { echo probe >"$SITE/probe" && curl -s -m 2 -o /dev/null "tftp://$SERVERS:6969/probe"; }

# Runs lines of commands and answers on standard input: output in OUT, errors in ERR, status in STATUS.
lines() {
    OUT=$(printf '%s\n' "$@" | "$BIN/primesh" --home "$HOME_DIR" 2>"$TMP/err")
    STATUS=$?
    ERR=$(cat "$TMP/err")
}
