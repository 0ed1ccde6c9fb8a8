-- Rates: GCRA, as src/core/adm_gcra.h has it, by this server's clock.  Times
-- are in ticks of 1/16 microsecond since 2024-01-01: exact in a double until
-- 2041.
--
-- A value is three doubles, little-endian: TAT, the moment at which all that
-- was taken will have drained; REFUNDED, the ticks that were given back; and
-- SINCE, when the first of it was taken: all that is earlier has drained.
-- What rate_back.lua remembers stands behind them.  They are not text, since
-- to read and write digits would take longer than all the rest.  The key goes
-- a second or two after the last has drained.
--
-- ticks    that are asked for: it fits if level + ticks <= depth, or if it is
--          nothing
-- depth    ticks that may be taken at once: those of burst + 1 units
-- ceiling  the largest depth of this rate's limits
-- level    ticks that had not drained before
--
-- This looks at "n" rates, behind "key" of KEYS and "arg" of ARGV, and writes
-- nothing.  Before it stand call, pack, take, and "time"; "replies" and
-- "values", empty, and "fits", true.  Behind it "fits" tells whether all do,
-- and rate_charge.lua takes them, or not.  It is no function, since to make
-- one takes time, too.

local ORIGIN = 1704067200
local SECOND = 16000000
local LAG = 60 * SECOND
local EXACT = 2 ^ 53

local now = (time[1] - ORIGIN) * SECOND + time[2] * 16

for i = 1, n do
    local at = arg + 3 * i
    local ticks, depth = ARGV[at - 2] + 0, ARGV[at - 1] + 0
    local level, refunded, since, rest = 0, 0, now, ''
    local value = call('GET', KEYS[key + i])

    if value then
        local tat = -1

        if #value % 16 == 8 and #value >= 24 then
            tat, refunded, since = take('<ddd', value)
        end

        if not (tat >= 0 and tat < EXACT and tat % 1 == 0) then
            return redis.error_reply('WRONGTYPE the value is no rate')
        end

        level = tat - now

        if level <= 0 then
            level, refunded, since = 0, 0, now

        -- left by a slower rate or a larger burst: fits once, begins anew
        elseif level > depth and level > ARGV[at] + LAG then
            level = depth > ticks and depth - ticks or 0
            refunded, since = 0, now

        elseif #value > 24 then
            rest = value:sub(25)
        end
    end

    at = 4 * i
    replies[at - 3] = level
    replies[at - 2], replies[at - 1], replies[at] = 0, 0, 0

    if ticks > 0 then
        level = level + ticks

        if level > depth then
            fits = false

        elseif fits then
            local tat = now + level
            local life = level / 16000 + 1001 + now % 16000 / 16

            values[2 * i - 1] = life - life % 1
            values[2 * i] = pack('<ddd', tat, refunded, since) .. rest

            replies[at - 2], replies[at - 1], replies[at]
                = tat, refunded, since
        end
    end
end
