"""What the probers of blackbox_exporter share: a module, the target that it is asked for, and TLS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.config.document import Scalar
from monitor.config.foreign.place import Place, literal, scalar
from monitor.config.foreign.plan import Written
from monitor.config.foreign.scraped import Asked
from monitor.config.foreign.secret import Secrets

Check = dict[str, Written]

_TLS = ("insecure_skip_verify", "ca_file", "cert_file", "key_file", "server_name", "min_version", "max_version")
_ADDRESS = ("preferred_ip_protocol", "ip_protocol_fallback")


@dataclass(frozen=True, slots=True)
class Module:
    """
    Attributes:
        place: The module.
        settings: Those of its prober; None when it has none.
    """

    place: Place
    settings: Place | None
    asked: Asked
    secrets: Secrets

    @property
    def target(self) -> Scalar:
        return scalar(self.asked.at, literal(self.asked.target))

    def get(self, key: str) -> Place | None:
        return self.settings.get(key) if self.settings else None

    def string(self, key: str) -> str:
        return self.settings.string(key) if self.settings else ""

    def flag(self, key: str) -> bool:
        return self.settings.flag(key) if self.settings else False

    def items(self, key: str) -> Iterator[Place]:
        found = self.get(key)
        if found is not None:
            yield from found.items()

    def texts(self, key: str) -> Iterator[tuple[Place, str]]:
        for place in self.items(key):
            text = place.text()
            if text:
                yield place, text

    def leave_out_others(self, *known: str) -> None:
        """Tells what the prober knows besides, and what is known to no one."""
        if self.settings is not None:
            self.settings.tell_others((*known, *_ADDRESS))

    def ip(self) -> Scalar | None:
        """The key `ip` of a check; None where nothing is said: then whichever connects first will do."""
        preferred, fallback = map(self.get, _ADDRESS)
        only = self.string("ip_protocol_fallback") == "false"
        said = preferred or (fallback if only else None)
        if said is None:
            return None
        version = "4" if self.string("preferred_ip_protocol") == "ip4" else "6"
        return scalar(said, version if only else f"prefer {version}")

    def tls(self, name_is_for: str = "") -> dict[str, Written]:
        """
        The key `tls` of a check.

        Args:
            name_is_for: The key that takes the name that the certificate must be for; empty where there is none.
        """
        given, shown = self.get("tls_config"), dict[str, Written]()
        if given is None:
            return shown
        if given.flag("insecure_skip_verify"):
            shown["verify"] = "false"
        files = [("certificate", "cert_file"), ("key", "key_file")]
        if "verify" not in shown:
            files.append(("ca", "ca_file"))  # no authority is asked for without
        for ours, theirs in files:
            if part := given.get(theirs):
                shown[ours] = scalar(part, part.text() or "")
        name = given.get("server_name")
        if name is not None and name_is_for:
            shown[name_is_for] = scalar(name, name.text() or "")
        elif name is not None:
            name.leave_out("is not carried over", "Write the name into the URL, and the address under connect_to:.")
        for key in ("min_version", "max_version"):
            if version := given.get(key):
                version.leave_out("is not carried over", "Versions of TLS are the library's: 1.2 and 1.3.")
        given.tell_others(_TLS)
        return shown


def nodes(found: Iterable[tuple[Place, str]]) -> list[Written]:
    return [scalar(place, text) for place, text in found]
