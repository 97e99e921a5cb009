# The lab's stand-ins without its nodes, and curl as a client. Source lab.sh first.
# After `standins_up <name>...`: URL_<name with _> for each, e.g. $URL_ise, $URL_dnac_2.

standins_up() {
    local name
    mkdir -p "$LAB"
    echo "$NET" >"$LAB/network"
    at_exit 'lab down >/dev/null 2>&1'
    for name in "$@"; do
        lab start "$name" >"$TMP/start.out" 2>&1 || {
            sed 's/^/# /' "$TMP/start.out"
            echo "Bail out! $name did not start"
            exit 1
        }
        declare -g "URL_${name//-/_}=https://$(standin_address "$name"):$(cat "$LAB/$name/port")"
    done
}

standin_address() {
    case $1 in
    ise) echo "$NET.21" ;; dnac) echo "$NET.22" ;; ise-2) echo "$NET.23" ;; ise-3) echo "$NET.24" ;; dnac-2) echo "$NET.25" ;;
    esac
}

# mood <server> <words...>: must succeed.
mood() {
    lab mood "$@" >"$TMP/mood.out" 2>&1 || {
        sed 's/^/# /' "$TMP/mood.out"
        ok 1 "primelab mood $*"
    }
}

# get <curl's arguments...>: BODY, HEAD (headers, CR stripped), STATUS (HTTP), EXIT (curl's).
get() {
    rm -f "$TMP/body" "$TMP/head"
    STATUS=$(curl -sk --max-time "${MOST:-30}" --path-as-is -D "$TMP/head" -o "$TMP/body" -w '%{http_code}' "$@" 2>"$TMP/curl.err")
    EXIT=$?
    [ -e "$TMP/body" ] || : >"$TMP/body"
    BODY=$(tr -d '\0' <"$TMP/body")
    HEAD=$(tr -d '\r' <"$TMP/head" 2>/dev/null)
}

# The values of a header in HEAD.
header() { printf '%s\n' "$HEAD" | sed -n "s/^$1: *//Ip"; }

# What an XPath says of BODY's file.
xpath() { xmllint --huge --xpath "string($1)" "$TMP/body" 2>/dev/null; }

standin_log() { cat "$LAB/$1/standin.log"; }
