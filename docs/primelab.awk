#!/usr/bin/awk -f
# primelab(1): the commands of `primelab --help` (standard input) in the place of @COMMANDS@ of the file that is named.
# A line of the help has the name from column 3, the arguments from 11, what it does from 48.
function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/^ +| +$/, "", text)
    return text
}
BEGIN {
    page = ARGV[1]
    ARGC = 1
}
/^  [a-z]/ {
    if (length($0) < 48)
        next
    name = roff(substr($0, 3, 7))
    arguments = roff(substr($0, 11, 36))
    commands = commands ".TP\n\\fB" name "\\fR" (arguments == "" ? "" : " " arguments) "\n" roff(substr($0, 48)) "\n"
}
END {
    while ((getline line <page) > 0) {
        if (line == "@COMMANDS@")
            printf "%s", commands
        else
            print line
    }
}
