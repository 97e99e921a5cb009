"""A client of ISE and DNA Center made of Python's standard library, as people write them. Speaks TAP."""
import base64
import hashlib
import http.client
import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree

ISE, DNAC = sys.argv[1:3]
LAB = sys.argv[3:]
CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
count = failed = 0


def check(condition, name, got=""):
    global count, failed
    count += 1
    if not condition:
        failed = 1
        print(f"# {sys.argv[0]}: not ok {count} - {name}\n#      got: {got!r}", file=sys.stderr)
    print(f"{'ok' if condition else 'not ok'} {count} - {name}", flush=True)


def mood(*words):
    subprocess.run([*LAB, "mood", *words], check=True, stdout=subprocess.DEVNULL)


def ise_opener(password="Ise-lab-1"):
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, ISE, "admin", password)
    return urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=CONTEXT), urllib.request.HTTPBasicAuthHandler(passwords))


def ise(path, opener=None, **headers):
    request = urllib.request.Request(f"{ISE}/admin/API/mnt/{path}", headers=headers)
    with (opener or ise_opener()).open(request, timeout=30) as response:
        return ElementTree.fromstring(response.read())


class Dnac:
    """Keeps its token, gets a new one after a 401, waits as told after a 429."""

    def __init__(self):
        self.token = None
        self.logins = self.waits = 0

    def login(self):
        self.logins += 1
        request = urllib.request.Request(f"{DNAC}/dna/system/api/v1/auth/token", method="POST", headers={
            "Authorization": "Basic " + base64.b64encode(b"admin:Dnac-lab-1").decode(),
            "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=CONTEXT, timeout=30) as response:
            self.token = json.load(response)["Token"]

    def get(self, path):
        for _ in range(4):
            if self.token is None:
                self.login()
            request = urllib.request.Request(f"{DNAC}/dna/intent/api/v1/{path}", headers={"X-Auth-Token": self.token})
            try:
                with urllib.request.urlopen(request, context=CONTEXT, timeout=30) as response:
                    return json.load(response)["response"]
            except urllib.error.HTTPError as error:
                if error.code == 401:
                    self.token = None
                elif error.code == 429:
                    self.waits += 1
                    time.sleep(int(error.headers["Retry-After"]))
                else:
                    raise
        raise RuntimeError("gave up")

    def devices(self):
        offset = 1
        while page := self.get(f"network-device?offset={offset}&limit=500"):
            yield from page
            offset += len(page)


def status_of(call):
    try:
        call()
        return 200
    except urllib.error.HTTPError as error:
        return error.code


def raises(kinds, call):
    try:
        call()
    except kinds:
        return True
    return False


# --- ISE
product = ise("Version")
check(product.get("name") == "Cisco Identity Services Engine", "a challenge is answered, the version read")
sessions = ise("Session/ActiveList")
check(int(sessions.get("noOfActiveSession")) == len(sessions.findall("activeSession")) == 4, "the list of sessions")
for session in sessions:
    mac = session.findtext("calling_station_id")
    detail = ise(f"Session/MACAddress/{mac}")
    check(detail.findtext("user_name") == session.findtext("user_name"), f"session {mac} in full")
check(status_of(lambda: ise("Version", ise_opener("wrong"))) == 401, "a wrong password")
check(status_of(lambda: ise("Version", Accept="application/json")) == 406, "no JSON here")
mood("ise", "redirect", "times", "2")  # the request without and the one with credentials
check(ise("Version").findtext("type_of_node") == "0", "a redirect is followed")
mood("ise", "chunked")
check(ise("Version").findtext("type_of_node") == "0", "chunks are put together")
mood("ise", "wrong-length")
check(raises(http.client.IncompleteRead, lambda: ise("Version")), "a body cut off is noticed")
mood("ise", "reset")
check(raises((ConnectionError, http.client.IncompleteRead), lambda: ise("Version")), "a reset too")
mood("ise", "bad-xml")
check(raises(ElementTree.ParseError, lambda: ise("Version")), "and XML that ends too early")
mood("ise", "charset")
check(raises(ElementTree.ParseError, lambda: ise("Version")), "and what is no UTF-8")
mood("ise", "no-handshake")
check(raises(urllib.error.URLError, lambda: ise("Version")), "no handshake")
mood("ise", "normal")

# --- ISE's ERS, by the links of its pages
def ers(url):
    with ise_opener().open(urllib.request.Request(url, headers={"Accept": "application/json"}), timeout=30) as response:
        return json.load(response)


names, url = [], f"{ISE}/ers/config/networkdevice?size=3"
while url:
    result = ers(url)["SearchResult"]
    names += [ers(found["link"]["href"])["NetworkDevice"]["name"] for found in result["resources"]]
    url = result.get("nextPage", {}).get("href")
check(names == ["access-1", "access-2", "wlc-1", "branch-1"], "ERS: page by page, each device in full", names)

# --- DNA Center
dnac = Dnac()
check([d["hostname"] for d in dnac.devices()] == [f"{('branch', 'core', 'access', 'wlc')[n % 4]}-{n}" for n in range(1, 13)],
      "the inventory")
mood("dnac", "devices", "1234")
check(len({d["id"] for d in dnac.devices()}) == dnac.get("network-device/count") == 1234, "in three pages")
check(dnac.logins == 1, "with one token", dnac.logins)
mood("dnac", "revoke")
check(dnac.get("network-device/count") == 1234 and dnac.logins == 2, "a new token after the old one was revoked", dnac.logins)
mood("dnac", "429", "1", "times", "2", "path", "/dna/intent")
check(dnac.get("network-device/count") == 1234 and dnac.waits == 2, "waits as it is told", dnac.waits)
mood("dnac", "bad-json", "path", "/dna/intent")
check(raises(json.JSONDecodeError, lambda: dnac.get("network-device/count")), "JSON that ends too early")
mood("dnac", "normal")

# --- one connection, many requests, one certificate
connection = http.client.HTTPSConnection(DNAC.removeprefix("https://"), context=CONTEXT, timeout=30)
connection.connect()
socket = connection.sock
pin = hashlib.sha256(socket.getpeercert(binary_form=True)).hexdigest()
answers = []
for path in ("network-device/count", "nothing", "network-device?limit=2", "network-device?limit=0") * 5:
    connection.request("GET", f"/dna/intent/api/v1/{path}", headers={"X-Auth-Token": dnac.token})
    response = connection.getresponse()
    response.read()
    answers.append(response.status)
check(answers == [200, 404, 200, 400] * 5 and connection.sock is socket, "twenty requests on one connection", answers)
mood("dnac", "rolled")
connection.request("GET", "/dna/intent/api/v1/network-device/count", headers={"X-Auth-Token": dnac.token})
response = connection.getresponse()
check(json.load(response)["response"] == 1234 and connection.sock is socket, "which lives on while the key is rolled")
other = http.client.HTTPSConnection(DNAC.removeprefix("https://"), context=CONTEXT, timeout=30)
other.connect()
check(hashlib.sha256(other.sock.getpeercert(binary_form=True)).hexdigest() != pin, "the next one shows another certificate")
print(f"1..{count}")
sys.exit(failed)
