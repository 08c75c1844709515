"""The words that the guesses rest on. All of it stands here, so that it can be read and argued with.

English words of tool names and parameters, for servers of any kind. A word that is missing here makes a
tool ask, never run.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a tool seems to do, from harmless to grave. The order is the one in which kinds win."""

    READ = "read"
    MAKE = "make"
    CHANGE = "change"
    SEND = "send"
    PAY = "pay"
    DESTROY = "destroy"
    RUN = "run"
    SECRET = "secret"  # noqa: S105 - a word
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What a parameter seems to hold."""

    SECRET = "secret"  # noqa: S105 - a word
    CODE = "code"
    RECIPIENT = "recipient"
    URL = "url"
    AMOUNT = "amount"
    PATH = "path"
    TIME = "time"
    END = "end"
    ID = "id"
    TEXT = "text"
    OPTION = "option"
    SWITCH = "switch"
    TITLE = "title"
    PLACE = "place"
    NAME = "name"
    OPAQUE = "opaque"


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS: Final[dict[Kind, frozenset[str]]] = {
    Kind.READ: _set(
        "get list read search find fetch return show view describe count query lookup check inspect preview "
        "browse download retrieve compare calculate compute convert summarize summarise explain validate "
        "verify estimate translate parse tail head stat diff ls cat whoami ping poll detect analyze analyse "
        "resolve discover navigate open crawl scrape screenshot snapshot ask recommend suggest rank filter"
    ),
    Kind.MAKE: _set(
        "create add append insert draft new make save copy duplicate clone generate register record "
        "log store remember schedule plan note bookmark star tag label attach mkdir touch init import fork"
    ),
    Kind.CHANGE: _set(
        "update edit modify change patch set put move rename replace write overwrite reschedule adjust "
        "configure assign mark toggle enable resize sort merge rebase commit checkout format fill select "
        "click type press drag hover close reopen lock unlock pin transition link upsert sync "
        "subscribe follow like react vote rate review restore revert"
    ),
    Kind.SEND: _set(
        "send post publish share invite forward reply notify email mail message tweet submit upload push "
        "announce broadcast comment respond contact text sms call dial export transmit deliver"
    ),
    Kind.PAY: _set(
        "pay transfer purchase buy order donate withdraw refund reserve book charge bid trade "
        "sell invest wire deposit remit tip rent hire bet stake swap mint"
    ),
    Kind.DESTROY: _set(
        "delete remove drop purge cancel clear reset revoke erase truncate wipe destroy uninstall unshare "
        "archive ban kick block terminate disable discard unlink rm detach expire deactivate unsubscribe "
        "leave reject decline empty prune flush trash"
    ),
    Kind.RUN: _set(
        "run execute exec eval evaluate deploy install invoke trigger start stop restart launch spawn kill "
        "shell script compile build apply rollback scale migrate boot shutdown reboot"
    ),
    Kind.SECRET: _set(
        "authenticate authorize authorise login logout impersonate grant permit rotate sign encrypt decrypt"
    ),
}
"""What the verb of a tool's name says. A verb in two sets has the graver one."""

CONNECTORS: Final = _set("and or then also plus")
"""`get_or_create`: a verb behind one of these counts even where the name begins with a read."""

NEVER_NOUNS: Final = _set(
    "delete remove purge erase truncate wipe destroy create insert write overwrite send execute exec "
    "upload pay modify revoke uninstall terminate"
)
"""Verbs that count anywhere in a name. Words that are often nouns (`order`, `post`, `update`) do not."""

EFFECTS: Final = _set(
    "sends deletes removes creates writes modifies overwrites executes publishes invites pays cancels "
    "installs erases purges revokes"
)
"""In a description these contradict a name that begins like a read."""

SECRETS: Final = _set(
    "password passwd secret credential passphrase otp apikey token privatekey mfa totp 2fa env environ"
)
SECRET_PAIRS: Final = (
    ("api", "key"), ("private", "key"), ("access", "key"), ("ssh", "key"), ("security", "code"),
)  # fmt: skip
SECRETS_TOLD: Final = _set("password passwd secret credential passphrase apikey")
SECRET_PAIRS_TOLD: Final = (
    ("api", "key"),
    ("private", "key"),
    ("access", "key"),
    ("environment", "variable"),
)
"""What a description may say that a read returns. Fewer words than for names: `token` is everywhere."""
PAGES: Final = _set("page next previous continuation sync cursor")
"""A token behind one of these turns pages and is no secret."""
PERMISSIONS: Final = _set("permission role acl policy privilege scope ownership admin visibility")
"""Changing who may do what is put to a person, like changing a credential."""

OPEN_WEB: Final = _set("web internet online google bing duckduckgo browser www http website webpage")
"""A search that goes to the open web carries its query out."""

DESTINATIONS: Final = _set("destination output dest outfile save")
FILES: Final = _set("path file filename filepath directory dir folder")
"""A read that writes what it found to a file is no read. The `destination` of a journey is no file."""

RETURNS: Final = _set("return get list retrieve fetch read search find show")
"""A description that begins with one of these tells a read, where the name has no verb at all."""

REPEATS: Final = _set("recurring recurrence repeat repeating auto always forever standing subscription")
"""A switch of this name turns one payment into many."""

WIDENING: Final = _set(
    "public anyone everyone everybody all world owner admin administrator root superuser force overwrite "
    "permanent permanently unsafe bypass skip"
)
"""A switch or a choice with one of these words makes a harmless call a grave one, so that it asks."""

MONEY: Final = _set("amount price sum total fee cost tip payment")
COINS: Final = _set(
    "crypto cryptocurrency bitcoin btc ether eth usdc coin blockchain onchain nft wallet stake swap"
)
"""Where an amount may be in these, no number is small."""

COMMANDS: Final = _set("command cmd sql script shell statement argv")
"""A parameter of this name makes even a read a program to run."""

ROLES: Final[dict[Role, frozenset[str]]] = {
    Role.SECRET: SECRETS,
    Role.CODE: _set(
        "code command cmd sql script expression program javascript python bash shell statement argv"
    ),
    Role.URL: _set("url uri href link webhook endpoint host hostname domain website site callback"),
    Role.RECIPIENT: _set(
        "recipient to cc bcc participant attendee invitee guest email mail member user username assignee "
        "reviewer contact phone mobile channel chat room group team audience receiver payee beneficiary iban "
        "bic account wallet owner organization organisation org handle mailbox inbox address "
        "subscriber person people customer client vendor merchant friend"
    ),
    Role.PATH: _set(
        "path file filename filepath directory dir folder destination dest source target attachment"
    ),
    Role.TITLE: _set("title heading headline"),
    Role.PLACE: _set("location place venue"),
    Role.AMOUNT: _set("amount price sum total budget fee cost quantity tip qty payment salary value"),
    Role.END: _set("end until finish duration length checkout"),
    Role.TIME: _set(
        "date time day start begin deadline due when month year week hour minute second timestamp timezone "
        "since before after interval recurrence recurring cron schedule tz at checkin"
    ),
    Role.TEXT: _set(
        "body text message content description subject comment note summary caption query prompt instruction "
        "detail reason html markdown memo data question answer thought observation bio abstract footer "
        "header reference"
    ),
    Role.ID: _set("id uuid guid ref sha cursor etag version index number key hash revision"),
    Role.OPTION: _set(
        "limit offset page size format order language locale lang n count max min per top sort direction "
        "width height depth timeout encoding unit units"
    ),
}
"""The last word of a parameter's name that stands in one of these decides; in this order on a tie."""

FORMATS: Final = {
    "uri": Role.URL, "url": Role.URL, "iri": Role.URL, "uri-reference": Role.URL, "hostname": Role.URL,
    "email": Role.RECIPIENT, "idn-email": Role.RECIPIENT, "phone": Role.RECIPIENT,
    "date": Role.TIME, "time": Role.TIME, "date-time": Role.TIME, "duration": Role.TIME,
    "uuid": Role.ID, "password": Role.SECRET, "binary": Role.OPAQUE, "byte": Role.OPAQUE,
}  # fmt: skip
"""What `format` of a JSON Schema says (2020-12, §7.3, and OpenAPI's)."""

TOLD: Final = (
    (Role.RECIPIENT, _set("iban recipient payee beneficiary")),
    (Role.URL, _set("url uri webhook")),
)
"""Words of a parameter's description that make a name, id or text a sink after all: they only tighten."""
