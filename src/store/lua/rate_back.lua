#!lua flags=allow-oom

-- Gives back what rate.lua took, and has not drained.
--
-- KEYS     one for each rate
-- ARGV     for each rate: the ticks that were taken, TAT, REFUNDED and SINCE
--          as rate.lua returned them, and when that was
-- returns  for each rate the ticks that were given back
--
-- A charge stands at the end of what was there when it was made, and drains
-- last of it.  What is given back moves forward all that stands behind it,
-- and only that: so behind SINCE the value keeps two doubles for each of the
-- last KEPT of these, the latest at the end: its place, which is the end of
-- what was given back, counted from SINCE, and its ticks.  If more were given
-- back since the charge was made, all of those count as before it: then it
-- may return less, and never what has drained.  But of no charge more has
-- drained than time has passed since it was made.
--
-- Times and the value are as in rate.lua; what was given back is counted
-- modulo 2^52.

local KEPT = 32
local MODULUS = 2 ^ 52

local call, pack, unpack = redis.call, struct.pack, struct.unpack

local time = call('TIME')
local now = (time[1] - 1704067200) * 16000000 + time[2] * 16


-- the end of a charge that stood at "place" before "moved" ticks were given
-- back
local function follow(place, moved, value)
    local first = #value + 1

    while first > 25 do
        local _, ticks = unpack('<dd', value, first - 16)

        if ticks > moved then
            break
        end

        first, moved = first - 16, moved - ticks
    end

    place = place - moved

    for at = first, #value, 16 do
        local other, ticks = unpack('<dd', value, at)

        if place > other then
            place = place - ticks
        end
    end

    return place
end


local function give_back(key, taken, tat_then, refunded_then, since_then, made)
    local value = call('GET', key)

    if not value or #value < 24 then
        return 0
    end

    local tat, refunded, since = unpack('<ddd', value)

    if since ~= since_then then
        return 0
    end

    local place = math.max(follow(tat_then - since,
        (refunded - refunded_then) % MODULUS, value), made + taken - since)

    local left = math.min(place + since - now, taken, tat - now)

    if left <= 0 then
        return 0
    end

    local from = math.max(25, #value + 17 - 16 * KEPT)

    call('SET', key, pack('<ddd', tat - left, (refunded + left) % MODULUS,
        since) .. value:sub(from) .. pack('<dd', place, left), 'KEEPTTL')

    return left
end


local back = {}

for i = 1, #KEYS do
    local n = 5 * i

    back[i] = give_back(KEYS[i], ARGV[n - 4] + 0, ARGV[n - 3] + 0,
        ARGV[n - 2] + 0, ARGV[n - 1] + 0, ARGV[n] + 0)
end

return back
