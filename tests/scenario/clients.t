#!/usr/bin/env bash
# The clients people use already, unmodified, against a lab node over real sshd.
. "$(dirname "$0")/../lib/tap.sh"
. "$ROOT/tests/lib/lab.sh"
lab_up
need_sshd
export LAB NET SSH_CONFIG
LOGIN=$(id -un)
export LOGIN

# --- expect ---
cat >"$TMP/session.exp" <<'E'
set timeout 20
log_user 0
spawn ssh -F $env(SSH_CONFIG) prime-pri
proc want {text} { expect -ex $text {} timeout { puts "no <$text>"; exit 1 } eof { puts "ended before <$text>"; exit 1 } }
want "prime-pri/admin# "
send "show privilege\r"
want "Current privilege level is 15\r\nprime-pri/admin# "
send "ncs certvalidation tofu-certs listcerts\r"
want "host=$env(NET).11_8082;  subject= "
want "prime-pri/admin# "
send "exit\r"
expect eof {} timeout { puts "does not end"; exit 1 }
puts "status [lindex [wait] 3]"
E
is "$(expect "$TMP/session.exp" 2>&1 </dev/null)" "status 0" "expect: an interactive session with a key"

# --- pexpect ---
cat >"$TMP/pexpect_session.py" <<'P'
import os, pexpect
child = pexpect.spawn("ssh", ["-F", os.environ["SSH_CONFIG"], "prime-pri"], timeout=20, encoding="utf-8")
child.expect_exact("prime-pri/admin# ")
child.sendline("terminal length 0")
child.expect_exact("prime-pri/admin# ")
child.sendline("show version")
child.expect(r"Hostname: +(\S+)")
print("hostname", child.match.group(1))
child.expect_exact("prime-pri/admin# ")
child.send("show privi\t")
child.expect_exact("show privilege ")
child.send("\r")
child.expect_exact("level is 15")
child.expect_exact("prime-pri/admin# ")
child.sendline("show nonsense")
child.expect_exact("% invalid command detected at '^' marker.")
child.expect_exact("prime-pri/admin# ")
child.sendline("quit")
child.expect(pexpect.EOF)
child.close()
print("status", child.exitstatus)
P
is "$(/usr/bin/python3 "$TMP/pexpect_session.py" 2>&1)" "hostname prime-pri
status 0" "pexpect: a session with TAB and a mistake"

# --- netmiko ---
cat >"$TMP/netmiko_session.py" <<'P'
import os
from netmiko import ConnectHandler
lab = os.environ["LAB"]
node = ConnectHandler(device_type="cisco_ios", host=os.environ["NET"] + ".11", port=2211, username=os.environ["LOGIN"],
                      use_keys=True, key_file=lab + "/ssh/client_key", ssh_strict=False)
print("prompt", node.find_prompt())
print(node.send_command("show privilege"))
print("pins", node.send_command("ncs certvalidation tofu-certs listcerts").count("host="))
print("clock", len(node.send_command("show clock").splitlines()))
print("error", "% invalid command detected at '^' marker." in node.send_command("show nonsense"))
print("enabled", node.check_enable_mode())
print("saved", "Building configuration..." in node.save_config())
question = node.send_command("ncs certvalidation trusted-ca-store deleteallcacerts truststore user", expect_string=r"\?")
print("asked", "Delete all CA certificates" in question, repr(node.send_command("no", expect_string=r"#")))
wrong = node.send_config_set(["nonsense", "repository bad/name"])
print("errors shown", wrong.count("% invalid"), "left", not node.check_config_mode())
node.send_config_set(["repository netmiko", "url sftp://192.0.2.7/backups", "exit", "logging loglevel 7"])
print("out of configuration", not node.check_config_mode())
configured = node.send_command("show running-config")
print("configured", " url sftp://192.0.2.7/backups" in configured, "logging loglevel 7" in configured)
node.send_config_set(["no repository netmiko", "no logging loglevel"])
print("taken back", "netmiko" not in node.send_command("show running-config"))
node.disconnect()
print("alive", node.is_alive())
P
is "$(/usr/bin/python3 -W ignore "$TMP/netmiko_session.py" 2>&1)" "prompt prime-pri/admin#
Current privilege level is 15
pins 1
clock 1
error True
enabled True
saved True
asked True ''
errors shown 2 left True
out of configuration True
configured True True
taken back True
alive False" "netmiko, device type cisco_ios"

# --- rancid's clogin ---
cat >"$TMP/cloginrc" <<E
add user prime-pri $LOGIN
add password prime-pri {unused} {unused}
add method prime-pri ssh
add autoenable prime-pri 1
add sshcmd prime-pri {{ssh -F $SSH_CONFIG}}
E
chmod 600 "$TMP/cloginrc"
OUT=$(clogin -f "$TMP/cloginrc" -c 'show version;show running-config' prime-pri 2>&1 </dev/null)
is $? 0 "clogin ends well"
like "$OUT" "prime-pri/admin#.*show version.*Product: +primesh.*show running-config.*hostname prime-pri" \
    "clogin -c runs the commands one after the other"
unlike "$OUT" "Error:|imeout" "without a complaint"

wait_for 10 no_shells
ok $? "no client leaves a shell behind"
done_testing
