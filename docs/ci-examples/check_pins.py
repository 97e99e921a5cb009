#!/usr/bin/env python3
"""Asks nodes whether the servers they talk to still show the pinned certificates.

    check_pins.py <ssh_config> <node> [...]

Prints one line a server that shows another one. Exit status: 0 all match, 1 some do not, 2 a node could not be asked.
Works on anything that netmiko reaches as cisco_ios; the lab is one such thing.
"""
import json
import sys

try:
    from netmiko import ConnectHandler
    from paramiko import SSHConfig
except ImportError as missing:
    print(f"check_pins: {missing}; it is in the package python3-netmiko", file=sys.stderr)
    sys.exit(2)


def mismatches(ssh_config, node):
    key = SSHConfig.from_path(ssh_config).lookup(node)["identityfile"][0]  # netmiko takes the rest from the file itself
    with ConnectHandler(device_type="cisco_ios", host=node, use_keys=True, key_file=key, ssh_config_file=ssh_config,
                        fast_cli=True) as shell:
        answer = shell.send_command("ncs certvalidation tofu-certs verify all | json")
    # behind the document stands the command's own error where something does not match
    document, _ = json.JSONDecoder().raw_decode(answer[answer.index("{"):])
    if "verified" not in document:  # primed was not asked, or did not answer
        error = document["error"]
        raise RuntimeError(": ".join(text for text in (error["message"], error.get("hint")) if text))
    return [row["host"] for row in document["verified"] if row["verdict"] == "MISMATCH"]


def main():
    status = 0
    for node in sys.argv[2:]:
        try:
            for host in mismatches(sys.argv[1], node):
                print(f"{node}: {host} shows another certificate than the pinned one")
                status = max(status, 1)
        except Exception as problem:  # netmiko and paramiko have many
            print(f"{node}: {problem}", file=sys.stderr)
            status = 2
    return status


sys.exit(main())
