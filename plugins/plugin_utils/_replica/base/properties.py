# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The properties of the objects that the cmdlets give, by the short name of their .NET type.

Select-Object makes a null of a misspelt name, and a null reads like "not configured". So every selection is checked
here, before it is sent. Real names only: the aliases of the module's types file (`State`, `VMName` of a VM) exist only
where that file is loaded. Source: https://learn.microsoft.com/powershell/module/hyper-v/ and the pages of the other
modules' cmdlets, and the public property lists of the Hyper-V module 2.0.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import ReplicaError
from .pipeline import Command

_HYPERV_OBJECT = "CimSession ComputerName IsDeleted"
_OF_A_VM = f"VMId VMName VMSnapshotId VMSnapshotName {_HYPERV_OBJECT}"
_RELATION = (
    "ReplicationMode ReplicationState ReplicationHealth ReplicationRelationshipType PrimaryServerName"
    " ReplicaServerName CurrentReplicaServerName LastReplicationTime"
)
_FILE = (
    "Name FullName Exists Extension Attributes CreationTime CreationTimeUtc LastAccessTime LastAccessTimeUtc"
    " LastWriteTime LastWriteTimeUtc"
)

_TABLE: Mapping[str, str] = {
    "VMReplication": f"""{_RELATION} {_OF_A_VM} AllowedPrimaryServer ReplicaServerPort AuthenticationType
        CertificateThumbprint ReplicationFrequencySec RecoveryHistory VSSSnapshotReplicationEnabled
        VSSSnapshotFrequencyHour CompressionEnabled BypassProxyServer ReplicateHostKvpItems
        EnableWriteOrderPreservationAcrossDisks AutoResynchronizeEnabled AutoResynchronizeIntervalStart
        AutoResynchronizeIntervalEnd InitialReplicationStartTime ResynchronizeStartTime LastAppliedLogTime
        ReplicatedDisks ExcludedDisks TestVirtualMachine""",
    "VMReplicationHealth": f"""{_RELATION} {_OF_A_VM} CurrentTask MonitoringStartTime MonitoringEndTime
        LastReplicationType FailedOverReplicationType LastTestFailoverInitiatedTime LastVSSSnapshotTime
        InitialReplicationSize PendingReplicationSize AverageReplicationSize MaximumReplicationSize
        AverageReplicationLatency MaximumReplicationLatency SuccessfulReplicationCount MissedReplicationCount
        ReplicationErrors ReplicationHealthDetails""",
    "VMReplicationServer": f"""{_HYPERV_OBJECT} ReplicationEnabled AllowedAuthenticationType
        ReplicationAllowedFromAnyServer DefaultStorageLocation AuthorizationEntries KerberosAuthenticationPort
        CertificateAuthenticationPort KerberosAuthenticationPortMapping CertificateAuthenticationPortMapping
        CertificateThumbprint MonitoringInterval MonitoringStartTime OperationalStatus StatusDescriptions""",
    "VMReplicationAuthorizationEntry": f"{_HYPERV_OBJECT} AllowedPrimaryServer ReplicaStorageLocation TrustGroup",
    "VirtualMachine": f"""{_HYPERV_OBJECT} Id Name State Status OperationalStatus PrimaryOperationalStatus
        SecondaryOperationalStatus StatusDescriptions PrimaryStatusDescription SecondaryStatusDescription
        ReplicationState ReplicationHealth ReplicationMode IsClustered CheckpointType ParentSnapshotId
        ParentSnapshotName AutomaticStartAction AutomaticStartDelay AutomaticStopAction AutomaticCheckpointsEnabled
        AutomaticCriticalErrorAction AutomaticCriticalErrorActionTimeout CPUUsage MemoryAssigned MemoryDemand
        MemoryStatus MemoryStartup MemoryMinimum MemoryMaximum DynamicMemoryEnabled ProcessorCount Generation Version
        Heartbeat IntegrationServicesState IntegrationServicesVersion Uptime CreationTime Notes Path
        ConfigurationLocation SnapshotFileLocation SmartPagingFilePath SmartPagingFileInUse SizeOfSystemFiles
        ResourceMeteringEnabled Groups VirtualMachineType VirtualMachineSubType GuestStatePath HardDrives
        NetworkAdapters DVDDrives FloppyDrive FibreChannelHostBusAdapters ComPort1 ComPort2 VMIntegrationService""",
    "VMSnapshot": f"""{_HYPERV_OBJECT} Id Name SnapshotType CreationTime VMId VMName ParentSnapshotId ParentSnapshotName
        State Path Notes Version Generation IsAutomaticCheckpoint SizeOfSystemFiles HardDrives NetworkAdapters""",
    "HardDiskDrive": f"""{_OF_A_VM} Id Name Path DiskNumber ControllerType ControllerNumber ControllerLocation PoolName
        MaximumIOPS MinimumIOPS QoSPolicyID SupportPersistentReservations WriteHardeningMethod""",
    "VirtualHardDisk": """ComputerName Path VhdFormat VhdType FileSize Size MinimumSize LogicalSectorSize
        PhysicalSectorSize BlockSize ParentPath DiskIdentifier FragmentationPercentage Alignment Attached DiskNumber
        Number""",
    "VMNetworkAdapter": f"""{_OF_A_VM} Id Name AdapterId SwitchName SwitchId Connected MacAddress
        DynamicMacAddressEnabled IsLegacy IsManagementOs IsExternalAdapter IPAddresses Status StatusDescription
        PoolName TestReplicaSwitchName TestReplicaPoolName ClusterMonitored VlanSetting""",
    "VMNetworkAdapterFailoverSetting": f"""{_HYPERV_OBJECT} IPv4Address IPv4SubnetMask IPv4DefaultGateway
        IPv4PreferredDNSServer IPv4AlternateDNSServer IPv6Address IPv6SubnetPrefixLength IPv6DefaultGateway
        IPv6PreferredDNSServer IPv6AlternateDNSServer ProtocolIFType ParentAdapter""",
    "VMNetworkAdapterVlanSetting": f"""{_HYPERV_OBJECT} OperationMode AccessVlanId NativeVlanId AllowedVlanIdList
        AllowedVlanIdListString PrivateVlanMode PrimaryVlanId SecondaryVlanId SecondaryVlanIdList ParentAdapter""",
    "VMSwitch": f"""{_HYPERV_OBJECT} Id Name SwitchType Notes AllowManagementOS NetAdapterInterfaceDescription
        NetAdapterInterfaceDescriptions""",
    "VMSecurity": f"""{_OF_A_VM} TpmEnabled KsdEnabled Shielded EncryptStateAndVmMigrationTraffic
        VirtualizationBasedSecurityOptOut BindToHostTpm""",
    "VMIntegrationComponent": f"""{_OF_A_VM} Id Name Enabled OperationalStatus PrimaryOperationalStatus
        PrimaryStatusDescription SecondaryOperationalStatus SecondaryStatusDescription StatusDescription""",
    "VMHost": f"""{_HYPERV_OBJECT} Name FullyQualifiedDomainName MemoryCapacity LogicalProcessorCount
        VirtualMachinePath VirtualHardDiskPath SupportedVmVersions VirtualMachineMigrationEnabled""",
    "VMHostSupportedVersion": f"{_HYPERV_OBJECT} Name Version IsDefault",
    "X509Certificate2": """Thumbprint Subject Issuer NotBefore NotAfter HasPrivateKey DnsNameList EnhancedKeyUsageList
        FriendlyName SerialNumber SignatureAlgorithm Version Archived SubjectName IssuerName""",
    "MSFT_NetFirewallRule": """Name DisplayName Description DisplayGroup Group Enabled Profile Direction Action
        EdgeTraversalPolicy EnforcementStatus InstanceID Owner PolicyStoreSource PolicyStoreSourceType PrimaryStatus
        Status StatusCode""",
    "MSFT_NetProtocolPortFilter": "InstanceID Protocol LocalPort RemotePort IcmpType DynamicTarget DynamicTransport",
    "MSFT_Volume": """DriveLetter FileSystem FileSystemLabel FileSystemType DriveType HealthStatus OperationalStatus
        Path Size SizeRemaining UniqueId ObjectId AllocationUnitSize""",
    "Cluster": "Name Domain Id",
    "ClusterNode": "Name NodeName Id State Cluster",
    "ClusterGroup": "Name Id State OwnerNode GroupType Cluster IsCoreGroup",
    "ClusterResource": "Name Id State OwnerGroup OwnerNode ResourceType Cluster IsCoreResource",
    "ClusterParameter": "ClusterObject Name Value ParameterType IsReadOnly Object",
    "DnsRecord": "Name Type CharacterSet Section DataLength TTL IPAddress IP4Address IP6Address NameHost",
    "ServiceController": "Name ServiceName DisplayName Status StartType CanStop MachineName",
    "FileInfo": f"{_FILE} Length Directory DirectoryName IsReadOnly Mode",
    "DirectoryInfo": f"{_FILE} Parent Root Mode",
    "PSRemotingJob": "Id Name InstanceId State HasMoreData Location Command PSBeginTime PSEndTime PSJobTypeName",
}

PROPERTIES: Mapping[str, frozenset[str]] = {name: frozenset(words.split()) for name, words in _TABLE.items()}
"""Documented property names of each type."""

NESTED: Mapping[tuple[str, str], str] = {
    ("VMReplication", "ReplicatedDisks"): "HardDiskDrive",
    ("VMReplication", "ExcludedDisks"): "HardDiskDrive",
    ("VMReplication", "TestVirtualMachine"): "VirtualMachine",
    ("VMReplicationServer", "AuthorizationEntries"): "VMReplicationAuthorizationEntry",
    ("VirtualMachine", "HardDrives"): "HardDiskDrive",
    ("VirtualMachine", "NetworkAdapters"): "VMNetworkAdapter",
    ("VirtualMachine", "VMIntegrationService"): "VMIntegrationComponent",
    ("VMSnapshot", "HardDrives"): "HardDiskDrive",
    ("VMSnapshot", "NetworkAdapters"): "VMNetworkAdapter",
    ("VMNetworkAdapter", "VlanSetting"): "VMNetworkAdapterVlanSetting",
}
"""Properties that hold objects, with the type of these. In the row itself they arrive as their text (ToString)."""


class UnknownProperty(ReplicaError):
    """A selection of a property that the type is not documented to have: a fault of ours, found before it is sent."""


def select(type_name: str, *names: str) -> Command:
    """`Select-Object -Property` for objects of the type. Raises UnknownProperty for a name that is not documented."""
    for name in names:
        _check(type_name, name)
    return Command("Select-Object", {"Property": list(names)}, gives=type_name)


def expand(type_name: str, name: str) -> Command:
    """`Select-Object -ExpandProperty`: the nested objects themselves, of the type that NESTED says."""
    if (type_name, name) not in NESTED:
        raise UnknownProperty(f"{type_name}.{name} is not known to hold objects")
    return Command("Select-Object", {"ExpandProperty": name})


def _check(type_name: str, name: str) -> None:
    known = PROPERTIES.get(type_name)
    if known is None:
        raise UnknownProperty(f"nothing is known about the properties of {type_name}")
    if name not in known:
        raise UnknownProperty(f"{type_name} is not documented to have a property {name}")
