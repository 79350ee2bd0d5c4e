# Get-Date on a lab's host tells the world's time. The machine that runs this PowerShell is in another time.
function Get-Date {
    [CmdletBinding()]
    param(
        [Parameter(Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [datetime] $Date,
        [string] $Format,
        [switch] $AsUTC
    )
    process {
        $when = if ($PSBoundParameters.ContainsKey('Date')) { $Date } else { Invoke-StubBackend -Cmdlet Get-Date }
        if ($AsUTC) { $when = $when.ToUniversalTime() }
        if ($Format) { $when.ToString($Format) } else { $when }
    }
}
