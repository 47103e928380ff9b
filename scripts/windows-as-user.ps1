# Runs the tests for Windows that `scripts/hardware-tests build` listed as a user without any rights, made for this:
# no administrator, no developer mode, so no right to make symbolic links.
param([Parameter(Mandatory)][int]$AtLeast)
$ErrorActionPreference = 'Stop'

$name = 'warpcopy-test'
$password = [Guid]::NewGuid().ToString() + 'aA1!'
$secret = ConvertTo-SecureString $password -AsPlainText -Force
New-LocalUser -Name $name -Password $secret -Description 'Runs tests of warpcopy' | Out-Null
Add-LocalGroupMember -SID 'S-1-5-32-545' -Member $name -ErrorAction SilentlyContinue
$key = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\AppModelUnlock'
if (Test-Path $key) { Set-ItemProperty -Path $key -Name AllowDevelopmentWithoutDevLicense -Value 0 -Type DWord }

# Another user does not inherit variables, only those of the machine.
foreach ($variable in Get-ChildItem env:WARPCOPY_*) {
    [Environment]::SetEnvironmentVariable($variable.Name, $variable.Value, 'Machine')
}

# Where everybody may read the programs and write what they print.
$place = Join-Path $env:SystemDrive 'warpcopy-test'
New-Item -ItemType Directory -Force -Path $place | Out-Null
icacls $place /grant '*S-1-1-0:(OI)(CI)F' /q | Out-Null
$credential = New-Object PSCredential($name, $secret)
$listed = 0
$passed = 0
foreach ($program in Get-Content target/hardware-tests) {
    $copy = Copy-Item $program $place -PassThru
    $count = @(& $copy.FullName hardware --list | Where-Object { $_ -match ': test$' }).Count
    if ($count -eq 0) { continue }
    $listed += $count
    $out = Join-Path $place "$($copy.BaseName).out"
    $err = Join-Path $place "$($copy.BaseName).err"
    $run = Start-Process -FilePath $copy.FullName -ArgumentList 'hardware', '--test-threads=1', '--nocapture' `
        -Credential $credential -WorkingDirectory $place -RedirectStandardOutput $out -RedirectStandardError $err `
        -PassThru
    # Without having asked for the handle there is no exit status afterwards; -Wait asks for more than this user may.
    $null = $run.Handle
    $run.WaitForExit()
    $text = @(Get-Content $out) + @(Get-Content $err)
    $text
    if ($run.ExitCode -ne 0) { throw "$program failed with $($run.ExitCode)" }
    if ($text -match '^skipped: ') { throw "$program skipped something" }
    foreach ($line in $text) {
        if ($line -match '^test result: ok\. (\d+) passed; 0 failed; 0 ignored') { $passed += [int]$Matches[1] }
    }
}
"$passed of $listed hardware tests passed"
if ($passed -ne $listed -or $passed -lt $AtLeast) { throw 'too few' }
