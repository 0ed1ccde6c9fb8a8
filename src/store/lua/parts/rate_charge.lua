-- What rate_look.lua has looked at is taken if it "fits"; else nothing is.

for i = 1, n do
    if not fits then
        local at = 4 * i

        replies[at - 2], replies[at - 1], replies[at] = 0, 0, 0

    elseif values[2 * i] then
        call('PSETEX', KEYS[key + i], values[2 * i - 1], values[2 * i])
    end
end
