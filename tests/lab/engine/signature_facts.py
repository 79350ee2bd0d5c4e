"""What the documentation of the cmdlets does not say about their parameters, as tables for make_signatures.py.

Enum numbers, null rules, ranges, classes and base types as the modules' own metadata has them; names stand for numbers
everywhere else.
"""

from __future__ import annotations

NAMESPACES = {
    "Hyper-V": "Microsoft.HyperV.PowerShell",
    "FailoverClusters": "Microsoft.FailoverClusters.PowerShell",
    "NetSecurity": "Microsoft.PowerShell.Cmdletization.GeneratedTypes.NetSecurity",
    "Storage": "Microsoft.PowerShell.Cmdletization.GeneratedTypes.Volume",
    "DnsClient": "Microsoft.DnsClient.Commands",
}
# Modules whose commands are functions made of CIM classes: an error id ends with the bare name of the command.
CIM_MODULES = {"NetSecurity", "Storage"}
CIM_EXCEPTION = "Microsoft.PowerShell.Cmdletization.Cim.CimJobException"
# Namespace and suffix of the class of a cmdlet (what follows the comma of an error id), and what it throws.
CLASSES = {
    "Hyper-V": ("Microsoft.HyperV.PowerShell.Commands", "", "Microsoft.HyperV.PowerShell.VirtualizationException"),
    "FailoverClusters": (
        "Microsoft.FailoverClusters.PowerShell",
        "Command",
        "Microsoft.FailoverClusters.PowerShell.ClusterCmdletException",
    ),
    "DnsClient": ("Microsoft.DnsClient.Commands", "", "System.ComponentModel.Win32Exception"),
}
HIGH_IMPACT = {"Start-VMFailover", "Complete-VMFailover"}

SIMPLE_TYPES = {
    "SwitchParameter": "System.Management.Automation.SwitchParameter",
    "PSObject": "System.Management.Automation.PSObject",
    "PSCredential": "System.Management.Automation.PSCredential",
    "WildcardPattern": "System.Management.Automation.WildcardPattern",
    "CimSession": "Microsoft.Management.Infrastructure.CimSession",
    "Hashtable": "System.Collections.Hashtable",
    "StringCollection": "System.Collections.Specialized.StringCollection",
    "CimInstance": "System.Object",
    **{
        name: f"System.{name}"
        for name in (
            "String",
            "Boolean",
            "Int32",
            "UInt32",
            "Int64",
            "UInt64",
            "UInt16",
            "TimeSpan",
            "DateTime",
            "Guid",
            "Char",
        )
    },
}
VALUE_TYPES = {"Boolean", "Int32", "UInt32", "Int64", "UInt64", "UInt16", "TimeSpan", "DateTime", "Guid", "Char"}
BASES = {
    "VirtualMachine": "VirtualMachineBase",
    "VMSnapshot": "VirtualMachineBase",
    "VMNetworkAdapter": "VMNetworkAdapterBase",
    "VMInternalNetworkAdapter": "VMNetworkAdapterBase",
    "ClusterGroup": "ClusterObject",
    "ClusterResource": "ClusterObject",
    "ClusterNode": "ClusterObject",
}

# Enums that do not count from 0 in documented order.
NUMBERS = {
    "RecoveryAuthenticationType": {"Kerberos": 1, "Certificate": 2, "CertificateAndKerberos": 3},
    "ReplicationAuthenticationType": {"Kerberos": 1, "Certificate": 2},
    "SnapshotType": {
        "Standard": 0,
        "Recovery": 1,
        "Planned": 2,
        "Missing": 5,
        "Replica": 6,
        "AppConsistentReplica": 7,
        "SyncedReplica": 8,
    },
    "CheckpointType": {"Disabled": 2, "Production": 3, "ProductionOnly": 4, "Standard": 5},
    "StartAction": {"Nothing": 2, "StartIfRunning": 3, "Start": 4},
    "StopAction": {"TurnOff": 2, "Save": 3, "ShutDown": 4},
    "IovInterruptModerationValue": {"Default": 0, "Adaptive": 1, "Off": 2, "Low": 100, "Medium": 200, "High": 300},
    "ControllerType": {"IDE": 0, "SCSI": 1, "PMEM": 2},
    "Enabled": {"True": 1, "False": 2},
    "Action": {"NotConfigured": 0, "Allow": 2, "Block": 4},
    "Direction": {"Inbound": 1, "Outbound": 2},
    "Profile": {"Any": 0, "Domain": 1, "Private": 2, "Public": 4, "NotApplicable": 0x7FFF},
}
FLAGS = {"Profile"}


def _words(text: str) -> list[str]:
    return text.split()


_CIM_STATUS = _words(
    "Unknown Other Ok Degraded Stressed PredictiveFailure Error NonRecoverableError Starting Stopping Stopped "
    "InService NoContact LostCommunication Aborted Dormant SupportingEntityInError Completed PowerMode"
)
_CRITICAL = _words("Running Off Stopping Saved Paused Starting Reset Saving Pausing Resuming FastSaved FastSaving")


def _counted(names: str, start: int = 0) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.split(), start)}


# Enums that only the properties of objects have (all in the namespace of the Hyper-V module, save two).
OBJECT_ENUMS: dict[str, dict[str, int]] = {
    "VMReplicationType": _counted("None Regular ApplicationConsistent Planned"),
    "VMState": {
        "Other": 1,
        "Running": 2,
        "Off": 3,
        "Stopping": 4,
        "Saved": 6,
        "Paused": 9,
        "Starting": 10,
        "Reset": 11,
        "Saving": 32773,
        "Pausing": 32776,
        "Resuming": 32777,
        "FastSaved": 32779,
        "FastSaving": 32780,
        "ForceShutdown": 32781,
        "ForceReboot": 32782,
        "Hibernated": 32783,
        "ComponentServicing": 32784,
        **{f"{name}Critical": 32785 + at for at, name in enumerate(_CRITICAL)},
    },
    "VMOperationalStatus": {
        "Ok": 2,
        "Degraded": 3,
        "PredictiveFailure": 5,
        "InService": 11,
        "Dormant": 15,
        "SupportingEntityInError": 16,
        "ApplyingSnapshot": 23769,
        "CreatingSnapshot": 32768,
        **_counted(
            "DeletingSnapshot WaitingToStart MergingDisks ExportingVirtualMachine MigratingVirtualMachine", 32770
        ),
        **_counted("BackingUpVirtualMachine ModifyingUpVirtualMachine StorageMigrationPhaseOne", 32776),
        **_counted("StorageMigrationPhaseTwo MigratingPlannedVm CheckingCompatibility", 32779),
        **_counted("ApplicationCriticalState CommunicationTimedOut CommunicationFailed", 32782),
        **_counted("NoIommu NoIovSupportInNic SwitchNotInIovMode IovBlockedByPolicy IovNoAvailResources", 32785),
        "IovGuestDriversNeeded": 32790,
        "CriticalIoError": 32795,
    },
    "VMHeartbeatStatus": _counted(
        "Unknown Disabled NoContact Error LostCommunication OkApplicationsUnknown OkApplicationsHealthy "
        "OkApplicationsCritical Paused"
    ),
    "VMIntegrationComponentOperationalStatus": {
        "Ok": 2,
        "Degraded": 3,
        "Error": 6,
        "NonRecoverableError": 7,
        "NoContact": 12,
        "LostCommunication": 13,
        "ProtocolMismatch": 32775,
        **_counted("ApplicationCritical CommunicationTimedOut CommunicationFailed", 32782),
        "Disabled": 32896,
    },
    "VMReplicationServerOperationalStatus": {name: at for at, name in enumerate(_CIM_STATUS)},
    "VMNetworkAdapterOperationalStatus": {
        **{name.replace("EntityInError", "Entity"): at for at, name in enumerate(_CIM_STATUS)},
        "ProtocolVersion": 32775,
    },
    "VMNetworkAdapterVlanMode": _counted("Untagged Access Trunk Private"),
    "VMNetworkAdapterPrivateVlanMode": _counted("Isolated Community Promiscuous", 1),
    "VMNetworkAdapterIsolationMode": _counted("None NativeVirtualSubnet ExternalVirtualSubnet Vlan"),
    "WmiProtocolIFType": {"None": 0, "Other": 1, "IPv4": 4096, "IPv6": 4097, "IPv4v6": 4098},
    "VirtualMachineType": _counted("RealizedVirtualMachine PlannedVirtualMachine", 3),
    "VirtualMachineSubType": _counted("Unknown Generation1 Generation2"),
    "EnhancedSessionTransportType": _counted("VMBus HvSocket"),
    "CacheAttributes": _counted("Default WriteCacheEnabled WriteCacheAndFUAEnabled WriteCacheDisabled"),
    "MigrationAuthenticationType": _counted("CredSSP Kerberos"),
    "VMMigrationPerformance": _counted("TCPIP Compression SMB"),
    "VMSwitchBandwidthMode": _counted("Default Weight Absolute None"),
}
OTHER_ENUMS = {
    "Microsoft.Vhd.PowerShell.VhdFormat": {"Unknown": 0, "VHD": 2, "VHDX": 3, "VHDSet": 4},
    "Microsoft.Vhd.PowerShell.VhdType": {"Unknown": 0, "Fixed": 2, "Dynamic": 3, "Differencing": 4},
}

# Ranges that the Hyper-V module's attributes check.
RANGES = {
    "ReplicaServerPort": (1, 65535),
    "KerberosAuthenticationPort": (1, 65535),
    "CertificateAuthenticationPort": (1, 65535),
    "RecoveryHistory": (0, 24),
    "VSSSnapshotFrequencyHour": (1, 12),
    "ReplicationFrequencySec": (30, 900),
    "IPv6SubnetPrefixLength": (0, 128),
    "Delay": (1, 65535),
    "Timeout": (-1, 2147483647),
}
# What Hyper-V's parameters refuse. The rule: a reference may be neither null nor empty; a value is nullable and may not
# be null. The exceptions, by parameter or by cmdlet/parameter.
ANYTHING = set(
    _words(
        "AllowedVlanIdList CheckpointType ControllerType IPv4Address IPv4AlternateDNSServer IPv4DefaultGateway "
        "IPv4PreferredDNSServer IPv4SubnetMask IPv6Address IPv6AlternateDNSServer IPv6DefaultGateway "
        "IPv6PreferredDNSServer IPv6SubnetPrefixLength MandatoryFeatureId ReplicationFrequencySec "
        "ReplicationRelationshipType SecondaryVlanIdList SwitchType TestReplicaPoolName TestReplicaSwitchName Timeout "
        "VMDriveController VMNetworkAdapterName Set-VMReplication/AllowedPrimaryServer "
        "Set-VMReplication/CertificateThumbprint Get-VMNetworkAdapter/Name Set-VMNetworkAdapter/Name "
        "Enable-VMReplication/RecoveryHistory Disconnect-VMNetworkAdapter/VMNetworkAdapter "
        "Get-VMNetworkAdapterVlan/VMNetworkAdapter Set-VMNetworkAdapter/VMNetworkAdapter "
        "Set-VMNetworkAdapterVlan/VMNetworkAdapter"
    )
)
NOT_NULL = set(
    _words(
        "AllowedAuthenticationType CertificateAuthenticationPortMapping ChildOf ClearFailoverIPv4Settings "
        "ClearFailoverIPv6Settings KerberosAuthenticationPortMapping Notes ParentOf ReplicatedDiskPaths "
        "ReplicatedDisks VMRecoverySnapshot VMReplication VMReplicationAuthorizationEntry VMSwitch "
        "Enable-VMReplication/AuthenticationType Get-VMSwitch/Id "
        "Set-VMNetworkAdapterFailoverConfiguration/VMNetworkAdapter"
    )
)
NOT_EMPTY = set(
    _words(
        "AllowTeaming AutomaticCriticalErrorAction AutomaticStartAction AutomaticStopAction DiskNumber "
        "MacAddressSpoofing ReplicationHealth ReplicationMode ReplicationState SnapshotType "
        "Start-VMInitialReplication/InitialReplicationStartTime Resolve-DnsName/Name"
    )
)
# Values that are not nullable.
PLAIN = set(
    _words(
        "Enable-VMReplication/AuthenticationType Enable-VMReplication/ReplicaServerPort DiskNumber IsLegacy "
        "SnapshotType Delay For GuestControlledCacheTypes HighMemoryMappedIoSpace LowMemoryMappedIoSpace "
        "AllowedAuthenticationType Test-VMReplicationConnection/AuthenticationType "
        "Test-VMReplicationConnection/ReplicaServerPort"
    )
)
# Parameters of type object that take one kind only.
_CLUSTER_OBJECT = {"Get-VM/ClusterObject": "Microsoft.FailoverClusters.PowerShell.ClusterObject"}
_CIM_CLASSES = {
    "NetSecurity": {
        "InputObject": "MSFT_NetFirewallRule",
        "AssociatedNetFirewallRule": "MSFT_NetFirewallRule",
        "AssociatedNetIPsecRule": "MSFT_NetConSecRule",
        "AssociatedNetFirewallAddressFilter": "MSFT_NetAddressFilter",
        "AssociatedNetFirewallApplicationFilter": "MSFT_NetApplicationFilter",
        "AssociatedNetFirewallInterfaceFilter": "MSFT_NetInterfaceFilter",
        "AssociatedNetFirewallInterfaceTypeFilter": "MSFT_NetInterfaceTypeFilter",
        "AssociatedNetFirewallPortFilter": "MSFT_NetProtocolPortFilter",
        "AssociatedNetFirewallProfile": "MSFT_NetFirewallProfile",
        "AssociatedNetFirewallSecurityFilter": "MSFT_NetNetworkLayerSecurityFilter",
        "AssociatedNetFirewallServiceFilter": "MSFT_NetServiceFilter",
    },
    "Storage": {
        name: f"MSFT_{name}"
        for name in (
            "DiskImage",
            "FileShare",
            "Partition",
            "StorageFileServer",
            "StorageJob",
            "StorageNode",
            "StoragePool",
            "StorageSubSystem",
        )
    },
}


def kind_wanted(module: str, cmdlet: str, parameter: str) -> str | None:
    """The type name that an object given to the parameter must carry, or None."""
    named = _CLUSTER_OBJECT.get(f"{cmdlet}/{parameter}")
    cim = _CIM_CLASSES.get(module, {}).get(parameter)
    return named or (f"Microsoft.Management.Infrastructure.CimInstance#{cim}" if cim else None)
