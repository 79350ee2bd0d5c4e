"""Every row of the reference on the server side that refuses or leads somewhere, with the lab's cases that prove it.

Sections are those of the ground truth on Windows: 4.4 the cmdlets of the role, 8.1 and 8.2 errors, 9 firewall,
10 certificates, 11.1 clusters. A row that speaks of VMs is in the table of the relation.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A row in short, and the names of its cases."""

    section: str
    says: str
    cases: tuple[str, ...]


ROWS = (
    Row(
        "4.4",
        "a port left out is reset",
        ("a port left out goes back to its default", "one port given resets the other"),
    ),
    Row("4.4", "enabling requires the type in the same call", ("enable: the type is required",)),
    Row(
        "4.4",
        "a certificate type requires the thumbprint in the same call",
        ("enable: certificate without a thumbprint", "enable: both types without a thumbprint, though one is stored"),
    ),
    Row("4.4", "Kerberos clears the stored thumbprint", ("Kerberos clears the stored thumbprint",)),
    Row("4.4", "disabling sets type 0 and clears the thumbprint", ("disable: type and thumbprint go, entries stay",)),
    Row("4.4", "any server requires the default storage", ("any server without storage",)),
    Row(
        "4.4",
        "any server deletes specific entries, and asks",
        ("any server where entries stand is asked about", "any server with Force deletes all other entries"),
    ),
    Row(
        "4.4",
        "any server off deletes its entry and empties the default storage",
        ("a list instead of any server is asked about", "a list instead of any server empties the default storage"),
    ),
    Row(
        "4.4",
        "default storage only with any server",
        (
            "default storage beside a list",
            "default storage while any server is off in the same call",
            "default storage of any server",
        ),
    ),
    Row(
        "4.4",
        "monitoring interval and start are checked",
        (
            "monitoring interval off the list",
            "monitoring interval above 7 days",
            "monitoring start of a day or more",
            "monitoring interval of a week",
        ),
    ),
    Row(
        "4.4",
        "port mapping: cluster only, every node and the broker by full name; duplicate ports ask",
        (
            "mapping off a cluster",
            "mapping without a node",
            "mapping with short names",
            "mapping with a port twice is asked about",
            "mapping of every node and the broker",
        ),
    ),
    Row(
        "4.4", "a certificate mapping left out: null error", ("a stored certificate mapping left out is a null error",)
    ),
    Row(
        "4.4",
        "duplicate ports ask",
        ("the same port twice is asked about", "the same port twice with Force"),
    ),
    Row(
        "4.4",
        "a new entry: DNS name, *.domain or *",
        (
            "entry: an IP address",
            "entry: a short name",
            "entry: two wildcards",
            "entry: a wildcard inside",
            "entry: a domain",
        ),
    ),
    Row(
        "4.4",
        "* stands alone",
        ("entry: any server beside others", "entry: a name beside any server"),
    ),
    Row("4.4", "a name that exists already: unverified, refused", ("entry: a name that exists", "entry: a name")),
    Row(
        "4.4",
        "an entry's change: storage and group; an unknown name is silently nothing",
        ("entry: set of an unknown name is silently nothing", "entry: set of trust group and storage"),
    ),
    Row(
        "4.4",
        "an entry's removal: unknown is ObjectNotFound; a group goes as a whole; by object",
        (
            "entry: remove of an unknown name",
            "entry: remove of a trust group removes all of it",
            "entry: remove by object",
        ),
    ),
    Row("4.4", "filters of entries: wildcards unverified, literal", ("entry: filters are taken literally",)),
    Row("4.4", "a disabled server is an object too", ("a disabled server is still an object, with type 0",)),
    Row("2.3", "any server is computed; no HttpPort", ("any server is computed from the entry",)),
    Row("2.3", "the listener's status", ("a listener that is not up shows in the status",)),
    Row("2.8", "two readings of the full name", ("host: full name", "host: the domain alone", "host: no suffix")),
    Row("7", "an IP address is no replica server", ("connect: IP address",)),
    Row(
        "7",
        "names without case, short and full",
        ("connect: short name in the same domain", "connect: authorised by name"),
    ),
    Row(
        "8.1",
        "no rights",
        ("rights: a user with none", "rights: they do not configure it", "rights: they do not add entries"),
    ),
    Row(
        "8.1",
        "cannot connect, 0x00002EFD",
        (
            "connect: role off",
            "connect: host off",
            "connect: link cut",
            "connect: management service stopped",
            "connect: listener not up",
            "connect: wrong port",
            "connect: type not offered",
        ),
    ),
    Row(
        "8.1",
        "name not resolved, 0x00002EE7",
        ("connect: name not known", "connect: name outside ASCII, though there is such a host"),
    ),
    Row(
        "8.1",
        "Kerberos refused, 0x00002EFE",
        (
            "connect: Kerberos in a workgroup",
            "connect: Kerberos to a domain that is not trusted",
            "connect: Kerberos to a trusted domain",
        ),
    ),
    Row("8.1", "principal name missing, 0x80090303", ("connect: principal name not registered",)),
    Row(
        "8.1",
        "certificate not trusted, 0x00002F8F",
        (
            "connect: no common root",
            "connect: no common root there",
            "connect: authority in between without its root",
            "connect: authority in between not known",
        ),
    ),
    Row(
        "8.1",
        "not authorised: unverified, refused when the VM is enabled",
        ("connect: not authorised", "connect: not authorised, without asking for it"),
    ),
    Row(
        "8.1", "storage by a double hop", ("storage: double hop", "entry: storage by double hop", "storage: no rights")
    ),
    Row("8.2", "bad argument: InvalidParameter", ("enable: the type is required",)),
    Row("8.2", "wrong state: InvalidState", ("adapter: MAC of a running VM",)),
    Row("8.2", "conflict: InvalidOperation", ("entry: any server beside others",)),
    Row("8.2", "not found: ObjectNotFound", ("entry: remove of an unknown name",)),
    Row("8.2", "failed: OperationFailed, NotSpecified", ("certificate: not in the store", "storage: not there")),
    Row("8.2", "access denied: AccessDenied, PermissionDenied", ("rights: a user with none",)),
    Row("8.2", "anything else: Unspecified, NotSpecified", ("a stored certificate mapping left out is a null error",)),
    Row("9", "built-in rules by name, disabled", ("firewall: built-in rules are there, disabled",)),
    Row("9", "display name with a star takes HTTPS along", ("firewall: HTTP by display name takes HTTPS along",)),
    Row(
        "9",
        "a rule is needed on the port",
        (
            "connect: rule disabled",
            "connect: own port without a rule for it",
            "connect: own port with a rule for it",
            "firewall: enable exactly one",
            "firewall: ports of a rule",
        ),
    ),
    Row(
        "9",
        "what counts is decided by policy",
        (
            "connect: rule enabled and ignored by policy",
            "firewall: enabled and in force",
            "firewall: enabled, ignored by policy, absent",
            "firewall: enabled, ignored by policy, inactive",
            "firewall: a rule of a policy is in the active store only",
        ),
    ),
    Row("9", "on every node of a cluster", ("connect: rule missing on the node with the broker",)),
    Row(
        "10",
        "in LocalMachine\\My with its private key; the machine's own thumbprint",
        (
            "certificate: not in the store",
            "certificate: no private key",
            "certificate: in the Root store only",
            "connect: server certificate gone",
            "connect: own certificate without a key",
        ),
    ),
    Row(
        "10",
        "both key usages",
        (
            "certificate: one key usage only",
            "certificate: no usages means all",
            "connect: server certificate for one usage",
        ),
    ),
    Row(
        "10",
        "subject or alternative name is the host's; wildcards",
        (
            "certificate: another host's name",
            "certificate: wildcard subject",
            "certificate: wildcard of another depth",
            "certificate: alternative name",
            "connect: server certificate for another name",
            "connect: own certificate for another name",
        ),
    ),
    Row(
        "10",
        "a cluster's certificate names the broker",
        (
            "cluster: certificate for the node instead of the broker",
            "connect: broker and node named by one certificate",
            "connect: broker named by the certificate, node not",
        ),
    ),
    Row(
        "10",
        "a chain to a root trusted on both; not expired; not revoked",
        (
            "certificate: expired",
            "connect: certificates",
            "connect: authority in between",
            "connect: server certificate expired",
            "connect: own certificate expired",
            "connect: certificate revoked",
        ),
    ),
    Row(
        "10",
        "revocation: self-signed needs DisableCertRevocationCheck",
        ("connect: self-signed", "connect: self-signed, revocation not checked", "registry: revocation check"),
    ),
    Row("10", "Kerberos with a thumbprint, certificate without", ("enable: Kerberos with a thumbprint",)),
    Row(
        "11.1",
        "a broker on each side that is a cluster",
        (
            "connect: from a cluster without a broker",
            "connect: from a cluster whose broker failed",
            "connect: broker failed",
        ),
    ),
    Row(
        "4.4",
        "a cluster needs a broker to be read and configured; it need not be online",
        (
            "cluster: no broker, nothing to read",
            "cluster: no broker, nothing to configure",
            "cluster: a broker that is not online does not hold the role back",
        ),
    ),
    Row(
        "11.1",
        "the broker's resource and group",
        (
            "cluster: the broker's group",
            "cluster: the group of a failed broker is online",
            "cluster: the resource of a failed broker says so",
            "cluster: the broker's resource",
            "cluster: a broker in a group of another type and name",
        ),
    ),
    Row(
        "11.1",
        "the peer authorises the broker, not its nodes",
        (
            "connect: from a cluster, under its broker's name",
            "connect: from a cluster, authorised by the node's name only",
        ),
    ),
    Row("11.1", "settings on any node, for all", ("cluster: set on one node, read on the other",)),
    Row("11.1", "shared storage only", ("cluster: local storage",)),
    Row(
        "11.1",
        "enable towards the broker, which picks a node",
        (
            "connect: through the broker",
            "connect: to a node past the broker",
            "connect: broker moved to the other node",
        ),
    ),
    Row(
        "13",
        "Hyper-V Administrators: no firewall, certificates, cluster",
        (
            "rights: Hyper-V Administrators read the role",
            "rights: they do not see the firewall",
            "rights: they do not see certificates",
            "rights: they do not see the cluster",
        ),
    ),
    Row("13", "another computer is a second hop", ("host: another computer is a second hop", "file: double hop")),
    Row(
        "14",
        "adapters of a replica: connect, VLAN, test switch",
        ("adapter: connect", "vlan: access", "adapter: test switch"),
    ),
    Row(
        "14",
        "failover addresses: synthetic adapters of replicated VMs only",
        ("failover address: VM without replication", "failover address: legacy adapter"),
    ),
)
