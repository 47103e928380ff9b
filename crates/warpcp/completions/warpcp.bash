# Printed from the table of options by a test, anew with WARPCOPY_BLESS=1. Do not edit it by hand.

_warpcp() {
    local line=${COMP_LINE:0:COMP_POINT} word outside kept=
    COMPREPLY=()
    # Behind -- there are operands only.
    [[ $line == *[[:space:]]--[[:space:]]* ]] && return
    word=${line##*[[:space:]]}
    # A value that has to come may come behind a space, too.
    case $3,$word in
        *,-*) ;;
        -t,* | --target-directory,*) word=--target-directory=$word ;;
        --no-preserve,* | --sparse,* | --atomic,* | --method,* | --sync,*) word=$3=$word ;;
    esac
    # Bash takes words apart at = and wants the last part alone.
    outside=${word%"$2"}
    case $word in
        --target-directory=*)
            compopt +o default -o dirnames 2>/dev/null
            return
            ;;
        --preserve=*,* | --no-preserve=*,*)
            kept=${word#*=} kept=${kept%,*},
            word=${word%%=*}=${word##*,}
            ;;
    esac
    case $word in
        --*=*) COMPREPLY=($(compgen -W '--backup=none --backup=off --backup=simple --backup=never --backup=existing --backup=nil --backup=numbered --backup=t --no-preserve=mode --no-preserve=timestamps --no-preserve=ownership --no-preserve=links --no-preserve=context --no-preserve=xattr --no-preserve=all --preserve=mode --preserve=timestamps --preserve=ownership --preserve=links --preserve=context --preserve=xattr --preserve=all --sparse=never --sparse=auto --sparse=always --reflink=auto --reflink=always --reflink=never --update=all --update=none --update=none-fail --update=older --atomic=auto --atomic=always --atomic=never --method=auto --method=plain --method=clone --method=copy_file_range --method=sendfile --method=uncached --method=direct --method=read_write --sync=none --sync=data --sync=full' -- "$word")) ;;
        -*) COMPREPLY=($(compgen -W '-a --archive --attributes-only --backup --backup= -b --copy-contents -d --debug -H -L --dereference -f --force -i --interactive -l --link -n --no-clobber -P --no-dereference -p --no-preserve= -T --no-target-directory -x --one-file-system --parents --preserve --preserve= -R -r --recursive --remove-destination --sparse= --reflink --reflink= --strip-trailing-slashes -S --suffix= -s --symbolic-link -t --target-directory= -u --update --update= -v --verbose --keep-directory-symlink -Z --context --context= --help --version --atomic= -j --jobs= --method= --newer= --preallocate --snapshot --stats --sync= --uncached' -- "$word")) ;;
    esac
    COMPREPLY=("${COMPREPLY[@]/=/=$kept}")
    COMPREPLY=("${COMPREPLY[@]#"$outside"}")
    # A value is to follow, or a comma may.
    if [[ ${COMPREPLY[0]-} == *= || $word == --*preserve=* ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -o default -F _warpcp warpcp
