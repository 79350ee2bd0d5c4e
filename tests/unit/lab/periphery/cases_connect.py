"""Who gets through to a replica server, and with which code who does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tests.lab.values import Refusal
from tests.lab.world import connect
from tests.lab.world.certificate import CLIENT_AUTHENTICATION, authority, issue
from tests.lab.world.cluster import Broker, Cluster
from tests.lab.world.firewall import HTTP_RULE
from tests.lab.world.host import REPLICATION_KEY, Host
from tests.unit.lab.periphery.bench import Act, Bench, after

TO_B = "hv-b.corp.example"


@dataclass(frozen=True)
class Try:
    """One connection from A. `code` is the 0x code in the text, or the id of what the cmdlet refuses; "" passes."""

    name: str
    prepare: Act
    code: str = ""
    to: str = TO_B
    port: int = 80
    authentication: str = "Kerberos"
    thumbprint: str | None = None
    authorise: bool = True
    reaches: str = "HV-B"

    def prove(self) -> None:
        """Run it. Raises AssertionError when something else comes of it."""
        bench = Bench()
        self.prepare(bench)
        certificates = self.authentication == "Certificate"
        thumbprint = self.thumbprint if self.thumbprint is not None else ""
        if certificates and self.thumbprint is None:
            thumbprint = bench.own(bench.a).thumbprint
        try:
            target = connect.check(
                bench.world, bench.a, self.to, self.port, self.authentication, thumbprint, authorise=self.authorise
            )
        except Refusal as refusal:
            error = refusal.error
            assert self.code, error
            found = error.message if error.id == "OperationFailed" else error.id
            assert self.code in found, error
            assert error.category == ("NotSpecified" if error.id == "OperationFailed" else "InvalidArgument")
        else:
            assert not self.code
            assert target.name == self.reaches


def change(bench: Bench, host: Host, **facts: object) -> None:
    """Certificates of both hosts, with that of one host changed."""
    bench.certify()
    root, own = host.certificates
    host.certificates = [root, replace(own, **facts)]  # type: ignore[arg-type]


def strangers(bench: Bench, host: str = "HV-A") -> None:
    """One host trusts another authority than the one that issued the certificates."""
    bench.certify()
    bench.world.host(host).certificates[0] = authority("Other CA").certificate


def chained(bench: Bench, *, known: bool) -> None:
    """B's certificate comes from an authority in between, which A knows or does not."""
    root = authority("Root")
    between = authority("Between", above=root)
    bench.certify()
    for host in (bench.a, bench.b):
        host.certificates = [root.certificate, issue(host.fqdn, between)]
        if host is bench.b or known:
            host.certificates.append(between.certificate)
    bench.a.certificates[1] = issue(bench.a.fqdn, root)
    bench.b.server.thumbprint = bench.own(bench.b).thumbprint


def rootless(bench: Bench) -> None:
    """A knows the authority in between, and not the root above it."""
    chained(bench, known=True)
    bench.a.certificates = [one for one in bench.a.certificates if one.store != "Root"]


def self_signed(bench: Bench, *, unchecked: bool) -> None:
    """Self-signed certificates on both hosts, exchanged as roots; with or without the check of revocation."""
    own = {host: issue(host.fqdn) for host in (bench.a, bench.b)}
    bench.serve(authentication="Certificate")
    for host in own:
        host.certificates = [own[host], *(replace(one, store="Root", has_private_key=False) for one in own.values())]
        if unchecked:
            host.registry[REPLICATION_KEY] = {"DisableCertRevocationCheck": 1}
    bench.b.server.thumbprint = own[bench.b].thumbprint


def serving(act: Act) -> Act:
    """B serves Kerberos from anywhere, and then something happens."""
    return after(Bench.serve, act)


def clustered(act: Act = lambda bench: None, broker: Broker | None = None) -> Act:
    """B is a node of a cluster whose broker serves Kerberos from anywhere."""

    def prepare(bench: Bench) -> None:
        cluster = bench.cluster(broker)
        for node in cluster.nodes:
            bench.serve(node.host)
        act(bench)

    return prepare


def entry(name: str) -> Act:
    """B serves Kerberos from one name."""
    return lambda bench: bench.serve(entry=name)


def cluster_of_a(broker: Broker | None) -> Act:
    """A is a cluster's node, B serves."""
    return serving(lambda bench: Cluster("CL9", "corp.example", broker).join(bench.a))


def certified_cluster(*names: str) -> Act:
    """B is the node of a cluster, with a certificate for the broker and for these names."""

    def prepare(bench: Bench) -> None:
        root = bench.certify()
        cluster = bench.cluster()
        both = issue("REP.corp.example", root, dns_names=names)
        for node in cluster.nodes:
            node.host.certificates = [root.certificate, both]
            bench.serve(node.host, "Certificate")
        cluster.server.thumbprint = both.thumbprint

    return prepare


HTTPS: dict[str, Any] = {"port": 443, "authentication": "Certificate"}
TO_BROKER: dict[str, Any] = {**HTTPS, "to": "rep.corp.example"}

TRIES = [
    Try("connect: Kerberos", Bench.serve),
    Try("connect: short name in the same domain", Bench.serve, to="HV-B"),
    Try("connect: name not known", Bench.serve, "0x00002EE7", to="hv-x.corp.example"),
    Try("connect: another domain is another host", Bench.serve, "0x00002EE7", to="hv-b.other.example"),
    Try(
        "connect: name outside ASCII, though there is such a host",
        lambda b: b.serve(b.world.add_host(Host("HV-Ä"))),
        "0x00002EE7",
        to="hv-ä.corp.example",
    ),
    Try("connect: IP address", Bench.serve, "InvalidParameter", to="10.0.0.2"),
    Try("connect: to itself", Bench.serve, "InvalidParameter", to="hv-a.corp.example"),
    Try("connect: Kerberos with a thumbprint", Bench.serve, "InvalidParameter", thumbprint="AB"),
    Try("connect: certificate without a thumbprint", Bench.certify, "InvalidParameter", thumbprint="", **HTTPS),
    Try("connect: role off", lambda bench: None, "0x00002EFD"),
    Try("connect: host off", serving(lambda b: setattr(b.b, "powered", False)), "0x00002EFD"),
    Try("connect: link cut", serving(lambda b: b.world.cut("HV-A", "HV-B")), "0x00002EFD"),
    Try("connect: management service stopped", serving(lambda b: b.b.services.update(vmms="Stopped")), "0x00002EFD"),
    Try("connect: listener not up", serving(lambda b: setattr(b.b.server, "listener_up", False)), "0x00002EFD"),
    Try("connect: wrong port", Bench.serve, "0x00002EFD", port=8080),
    Try(
        "connect: type not offered", Bench.serve, "0x00002EFD", port=443, authentication="Certificate", thumbprint="AB"
    ),
    Try("connect: rule disabled", serving(lambda b: setattr(b.b.firewall.rules[0], "enabled", False)), "0x00002EFD"),
    Try(
        "connect: rule enabled and ignored by policy",
        serving(lambda b: setattr(b.b.firewall, "local_rules_apply", False)),
        "0x00002EFD",
    ),
    Try(
        "connect: own port without a rule for it",
        serving(lambda b: setattr(b.b.server, "kerberos_port", 8080)),
        "0x00002EFD",
        port=8080,
    ),
    Try(
        "connect: own port with a rule for it",
        after(
            Bench.serve,
            lambda b: setattr(b.b.server, "kerberos_port", 8080),
            lambda b: setattr(b.b.firewall.find([HTTP_RULE])[0], "local_ports", ("80", "8000-8100")),
        ),
        port=8080,
    ),
    Try("connect: Kerberos in a workgroup", serving(lambda b: setattr(b.b, "workgroup", True)), "0x00002EFE"),
    Try(
        "connect: Kerberos to a domain that is not trusted",
        serving(lambda b: setattr(b.b, "domain", "other.example")),
        "0x00002EFE",
        to="hv-b.other.example",
    ),
    Try(
        "connect: Kerberos to a trusted domain",
        after(
            Bench.serve,
            lambda b: setattr(b.b, "domain", "other.example"),
            lambda b: b.a.trusted_domains.add("other.example"),
        ),
        to="hv-b.other.example",
    ),
    Try(
        "connect: principal name not registered",
        serving(lambda b: setattr(b.b.server, "spn_registered", False)),
        "0x80090303",
    ),
    Try("connect: certificates", Bench.certify, **HTTPS),
    Try("connect: server certificate gone", lambda b: change(b, b.b, thumbprint="AB"), "0x00002F8F", **HTTPS),
    Try(
        "connect: server certificate expired",
        lambda b: change(b, b.b, not_after=issue("x").not_before),
        "0x00002F8F",
        **HTTPS,
    ),
    Try(
        "connect: server certificate for one usage",
        lambda b: change(b, b.b, usages=(CLIENT_AUTHENTICATION,)),
        "0x00002F8F",
        **HTTPS,
    ),
    Try(
        "connect: server certificate for another name",
        lambda b: change(b, b.b, subject="CN=hv-x"),
        "0x00002F8F",
        **HTTPS,
    ),
    Try(
        "connect: own certificate without a key", lambda b: change(b, b.a, has_private_key=False), "0x00002F8F", **HTTPS
    ),
    Try(
        "connect: own certificate expired",
        lambda b: change(b, b.a, not_after=issue("x").not_before),
        "0x00002F8F",
        **HTTPS,
    ),
    Try(
        "connect: own certificate for another name", lambda b: change(b, b.a, subject="CN=hv-x"), "0x00002F8F", **HTTPS
    ),
    Try("connect: certificate revoked", lambda b: change(b, b.b, revocation="revoked"), "0x00002F8F", **HTTPS),
    Try("connect: no common root", strangers, "0x00002F8F", **HTTPS),
    Try("connect: no common root there", lambda b: strangers(b, "HV-B"), "0x00002F8F", **HTTPS),
    Try("connect: authority in between without its root", rootless, "0x00002F8F", **HTTPS),
    Try("connect: authority in between not known", lambda b: chained(b, known=False), "0x00002F8F", **HTTPS),
    Try("connect: authority in between", lambda b: chained(b, known=True), **HTTPS),
    Try("connect: self-signed", lambda b: self_signed(b, unchecked=False), "0x00002F8F", **HTTPS),
    Try("connect: self-signed, revocation not checked", lambda b: self_signed(b, unchecked=True), **HTTPS),
    Try("connect: not authorised", entry("hv-x.corp.example"), "0x80070005"),
    Try("connect: not authorised, without asking for it", entry("hv-x.corp.example"), authorise=False),
    Try("connect: authorised by name", entry("HV-A.CORP.example.")),
    Try("connect: authorised by domain", entry("*.corp.example")),
    Try("connect: a domain's entry does not reach deeper", entry("*.example"), "0x80070005"),
    Try("connect: through the broker", clustered(), to="rep.corp.example"),
    Try("connect: to a node past the broker", clustered(), "0x00002EFD"),
    Try("connect: broker failed", clustered(broker=Broker("REP", "Failed")), "0x00002EFD", to="rep.corp.example"),
    Try(
        "connect: rule missing on the node with the broker",
        clustered(lambda b: b.world.host("HV-B").firewall.rules.clear()),
        "0x00002EFD",
        to="rep.corp.example",
    ),
    Try(
        "connect: broker moved to the other node",
        clustered(lambda b: setattr(b.b.cluster.broker, "owner", "HV-C")),  # type: ignore[union-attr]
        to="rep.corp.example",
        reaches="HV-C",
    ),
    Try("connect: broker and node named by one certificate", certified_cluster("HV-B.corp.example"), **TO_BROKER),
    Try("connect: broker named by the certificate, node not", certified_cluster(), "0x00002F8F", **TO_BROKER),
    Try("connect: from a cluster without a broker", cluster_of_a(None), "InvalidParameter"),
    Try("connect: from a cluster whose broker failed", cluster_of_a(Broker("REP9", "Failed")), "0x00002EFD"),
    Try(
        "connect: from a cluster, under its broker's name",
        after(cluster_of_a(Broker("REP9")), entry("rep9.corp.example")),
    ),
    Try(
        "connect: from a cluster, authorised by the node's name only",
        after(cluster_of_a(Broker("REP9")), entry("hv-a.corp.example")),
        "0x80070005",
    ),
]
