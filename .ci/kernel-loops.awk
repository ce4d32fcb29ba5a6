# From a disassembly (objdump -d --no-show-raw-insn) the innermost loops over AVX-512 vectors:
#
#     multiply-adds in one turn <tab> instructions in one turn <tab> the function's symbol
#
# A loop runs from the target of a backward jump to the jump; innermost is one that holds no other. The loops that
# count are those with at least `least` multiply-adds or dot products over whole vectors.

BEGIN { least = 4 }

function hexadecimal(digits,   i, value) {
    for (i = 1; i <= length(digits); i++) value = value * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
    return value + 0
}

function finish(   i, j, k, innermost, instructions, multiplyAdds) {
    for (i = 1; i <= jumps; i++) {
        innermost = 1
        for (j = 1; j <= jumps; j++)
            if (j != i && start[j] >= start[i] && end[j] <= end[i]) innermost = 0
        if (!innermost) continue
        instructions = multiplyAdds = 0
        for (k = 1; k <= count; k++)
            if (address[k] >= start[i] && address[k] <= end[i]) {
                instructions++
                if (text[k] ~ /^(vfn?m(add|sub)[0-9]*ps|vdpbf16ps|vpdpbusds?) .*zmm/) multiplyAdds++
            }
        if (multiplyAdds >= least) printf "%d\t%d\t%s\n", multiplyAdds, instructions, name
    }
    jumps = count = 0
}

/^[0-9a-f]+ <.*>:$/ { finish(); name = substr($2, 2, length($2) - 3); next }

/^ *[0-9a-f]+:\t/ {
    split($0, parts, "\t")
    digits = parts[1]
    gsub(/[ :]/, "", digits)
    count++
    address[count] = hexadecimal(digits)
    text[count] = parts[2]
    if (parts[2] ~ /^j[a-z]+ /) {
        split(parts[2], words, " ")
        target = hexadecimal(words[2])
        if (target <= address[count]) {
            jumps++
            start[jumps] = target
            end[jumps] = address[count]
        }
    }
}

END { finish() }
