# Makes the file systems that the tests for Windows want (docs/testing.md) in virtual disks, as administrator.
#
#   scripts/windows-volumes.ps1 -Folder FOLDER        prints the variables that tell where they are
#   scripts/windows-volumes.ps1 -Folder FOLDER -Drop
#
# Each is asked whether it is what it should be before its variable is printed.
param([Parameter(Mandatory)][string]$Folder, [switch]$Drop)
$ErrorActionPreference = 'Stop'

# From build 26100 on copies are cloned by the system itself, and there are Dev Drives.
$isNew = [Environment]::OSVersion.Version.Build -ge 26100

$volumes = @(
    @{ Variable = 'WARPCOPY_REFS'; Letter = 'R'; Megabytes = 56320; Type = 'ReFS'; Cluster = 4096; Dev = $isNew }
    @{ Variable = 'WARPCOPY_REFS_64K'; Letter = 'S'; Megabytes = 8192; Type = 'ReFS'; Cluster = 65536 }
    @{ Variable = 'WARPCOPY_NTFS'; Letter = 'N'; Megabytes = 2048; Type = 'NTFS'; Cluster = 4096 }
    @{ Variable = 'WARPCOPY_FAT'; Letter = 'T'; Megabytes = 1024; Type = 'FAT32'; Cluster = 4096 }
    @{ Variable = 'WARPCOPY_SMALL'; Letter = 'U'; Megabytes = 64; Type = 'NTFS'; Cluster = 4096 }
)

# diskpart is there with and without Hyper-V, and makes disks that take only the space that is used.
function Invoke-Diskpart([string[]]$Lines) {
    $script = New-TemporaryFile
    Set-Content -Path $script -Value $Lines -Encoding ascii
    $output = diskpart /s $script
    if ($LASTEXITCODE -ne 0) { throw "diskpart: $output" }
    Remove-Item $script
}

function New-TestVolume($Volume) {
    $file = Join-Path $Folder "$($Volume.Variable).vhdx"
    Invoke-Diskpart @(
        "create vdisk file=`"$file`" maximum=$($Volume.Megabytes) type=expandable"
        'attach vdisk'
        'convert gpt'
        'create partition primary'
        "assign letter=$($Volume.Letter)"
    )
    $options = @{ DriveLetter = $Volume.Letter; Confirm = $false; Force = $true }
    if ($Volume.Dev) { $options.DevDrive = $true } else { $options.FileSystem = $Volume.Type }
    if (-not $Volume.Dev) { $options.AllocationUnitSize = $Volume.Cluster }
    Format-Volume @options | Out-Null
    if ($Volume.Dev) { fsutil devdrv trust "$($Volume.Letter):" | Out-Null }
    $made = Get-Volume -DriveLetter $Volume.Letter
    if ($made.FileSystemType -ne $Volume.Type) {
        throw "$($Volume.Variable) is $($made.FileSystemType), not $($Volume.Type)"
    }
    if ($made.AllocationUnitSize -ne $Volume.Cluster) {
        throw "$($Volume.Variable) has clusters of $($made.AllocationUnitSize) bytes"
    }
    $place = "$($Volume.Letter):\warpcopy"
    New-Item -ItemType Directory -Path $place | Out-Null
    # Whoever runs the tests.
    if ($Volume.Type -ne 'FAT32') { icacls $place /grant '*S-1-1-0:(OI)(CI)F' /q | Out-Null }
    "$($Volume.Variable)=$place"
}

function Remove-TestVolume($Volume) {
    $file = Join-Path $Folder "$($Volume.Variable).vhdx"
    if (-not (Test-Path $file)) { return }
    try { Invoke-Diskpart @("select vdisk file=`"$file`"", 'detach vdisk') } catch { Write-Warning $_ }
    Remove-Item -Force $file -ErrorAction Continue
}

New-Item -ItemType Directory -Force -Path $Folder | Out-Null
$Folder = (Resolve-Path $Folder).Path
foreach ($volume in $volumes) {
    if ($Drop) { Remove-TestVolume $volume } else { New-TestVolume $volume }
}
