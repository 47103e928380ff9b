# Printed from the table of options by a test, anew with WARPCOPY_BLESS=1. Do not edit it by hand.

use str

set edit:completion:arg-completer[warpcp] = {|@words|
    fn candidate {|typed meaning|
        var suffix = ' '
        if (str:has-suffix $typed '=') {
            set suffix = ''
        }
        edit:complex-candidate $typed &code-suffix=$suffix &display=$typed'  '$meaning
    }
    if (not (str:has-prefix $words[-1] '-')) {
        edit:complete-filename $@words
    } elif (str:contains $words[-1] '=') {
        put --backup=none --backup=off --backup=simple --backup=never --backup=existing --backup=nil --backup=numbered --backup=t --no-preserve=mode --no-preserve=timestamps --no-preserve=ownership --no-preserve=links --no-preserve=context --no-preserve=xattr --no-preserve=all --preserve=mode --preserve=timestamps --preserve=ownership --preserve=links --preserve=context --preserve=xattr --preserve=all --sparse=never --sparse=auto --sparse=always --reflink=auto --reflink=always --reflink=never --update=all --update=none --update=none-fail --update=older --atomic=auto --atomic=always --atomic=never --method=auto --method=plain --method=clone --method=copy_file_range --method=sendfile --method=uncached --method=direct --method=read_write --sync=none --sync=data --sync=full
    } else {
        candidate '-a' 'same as -dR --preserve=all'
        candidate '--archive' 'same as -dR --preserve=all'
        candidate '--attributes-only' 'make the file and its attributes, not its data'
        candidate '--backup' 'keep existing targets under other names: none (or off), simple (never), numbered (t), existing (nil: numbered where numbered ones exist, else simple)'
        candidate '--backup=' 'keep existing targets under other names: none (or off), simple (never), numbered (t), existing (nil: numbered where numbered ones exist, else simple)'
        candidate '-b' 'same as --backup, but takes no value'
        candidate '--copy-contents' 'with -R, read FIFOs and devices instead of making new ones'
        candidate '-d' 'same as --no-dereference --preserve=links'
        candidate '--debug' 'say how each file was copied; implies -v'
        candidate '-H' 'follow symbolic links among the operands only'
        candidate '-L' 'follow all symbolic links'
        candidate '--dereference' 'follow all symbolic links'
        candidate '-f' 'remove a target that cannot be opened, and try again'
        candidate '--force' 'remove a target that cannot be opened, and try again'
        candidate '-i' 'ask before replacing; a no is a failure'
        candidate '--interactive' 'ask before replacing; a no is a failure'
        candidate '-l' 'make hard links instead of copies'
        candidate '--link' 'make hard links instead of copies'
        candidate '-n' 'skip existing targets, as --update=none'
        candidate '--no-clobber' 'skip existing targets, as --update=none'
        candidate '-P' 'copy symbolic links as links (default with -R)'
        candidate '--no-dereference' 'copy symbolic links as links (default with -R)'
        candidate '-p' 'same as --preserve=mode,ownership,timestamps'
        candidate '--no-preserve=' 'do not keep these'
        candidate '-T' 'take TARGET as a plain name'
        candidate '--no-target-directory' 'take TARGET as a plain name'
        candidate '-x' 'stay on the file system of each SOURCE'
        candidate '--one-file-system' 'stay on the file system of each SOURCE'
        candidate '--parents' 'rebuild the source''s whole path below DIRECTORY'
        candidate '--preserve' 'keep these: mode, ownership, timestamps (the default list), links, context, xattr, all'
        candidate '--preserve=' 'keep these: mode, ownership, timestamps (the default list), links, context, xattr, all'
        candidate '-R' 'copy directories with all that is in them'
        candidate '-r' 'copy directories with all that is in them'
        candidate '--recursive' 'copy directories with all that is in them'
        candidate '--remove-destination' 'remove each existing target before it is opened'
        candidate '--sparse=' 'holes: auto (keep them), always (make them of zeros too), never (write zeros)'
        candidate '--reflink' 'share blocks: always (or fail; meant if no WHEN is given), auto (the default), never'
        candidate '--reflink=' 'share blocks: always (or fail; meant if no WHEN is given), auto (the default), never'
        candidate '--strip-trailing-slashes' 'remove slashes at the end of each SOURCE'
        candidate '-S' 'end the names of backups in SUFFIX, not in ~; implies --backup'
        candidate '--suffix=' 'end the names of backups in SUFFIX, not in ~; implies --backup'
        candidate '-s' 'make symbolic links instead of copies'
        candidate '--symbolic-link' 'make symbolic links instead of copies'
        candidate '-t' 'copy every SOURCE into DIRECTORY'
        candidate '--target-directory=' 'copy every SOURCE into DIRECTORY'
        candidate '-u' 'same as --update=older'
        candidate '--update' 'replace which targets: all, none (skip them), none-fail (and fail), older (the default)'
        candidate '--update=' 'replace which targets: all, none (skip them), none-fail (and fail), older (the default)'
        candidate '-v' 'print what was copied to what'
        candidate '--verbose' 'print what was copied to what'
        candidate '--keep-directory-symlink' 'copy directories into existing symbolic links to directories'
        candidate '-Z' 'ignored; an error where SELinux labels files'
        candidate '--context' 'ignored with a warning; an error as -Z is'
        candidate '--context=' 'ignored with a warning; an error as -Z is'
        candidate '--help' 'print this help'
        candidate '--version' 'print the version'
        candidate '--atomic=' 'replace targets whole: auto (the default, see below), always, never (write into them)'
        candidate '-j' 'copy with N threads; the default suits the file system'
        candidate '--jobs=' 'copy with N threads; the default suits the file system'
        candidate '--method=' 'move bytes this way if it works, else by plain reading and writing: auto, clone, uncached, read_write (or plain), on Linux copy_file_range, sendfile, direct, elsewhere copyfile'
        candidate '--newer=' 'leave out regular files not modified after FILE was, or after this time since 1970'
        candidate '--preallocate' 'reserve space first, so that a full disk is found early; on ext4 and overlayfs unasked'
        candidate '--snapshot' 'with -a, copy a Btrfs subvolume by one snapshot where that is the same (see below)'
        candidate '--stats' 'print a summary on standard error at the end'
        candidate '--sync=' 'force to disk: none (the default), data (before a file takes its name), full (names too)'
        candidate '--uncached' 'leave the page cache as it was, where the system can'
    }
}
