#!lua

-- People join a line: some enter at once, the others get numbers.
--
-- KEYS  the line's state, and who is inside
-- ARGV  eight words: people, of whom so many would enter; ns for an admission;
--       the ceiling, 0 for none; seconds of a session, and of a slot of it;
--       flags: 1 direct, 2 paused; the next number that the node knows of
--
-- Returns seven words: what came of it, the second, the first serial and how
-- many passes, the first ticket and how many, the next number.
--
-- Words are of 64 bits, little-endian; what came of it is as adm_line_rc_e.

local WAITING, MOMENT, PAUSED, FULL = 0, 3, 9, 10

local DIRECT, HALT = 1, 2

-- us; a longer use of credit is of a clock that has been set back since
local FORGIVEN = 10000000

-- numbers that may be outstanding, less a word at the lower end
local SPAN = 2293760 - 56

local TTL = 604800

local floor, max, min = math.floor, math.max, math.min

local people, entrants, interval, most, session, unit, flags, known
    = struct.unpack('<I8I8I8I8I8I8I8I8', ARGV[1])

local time = redis.call('TIME')
local second, usec = tonumber(time[1]), tonumber(time[2])

local function answer(rc, serial, passes, ticket, tickets, following)
    return struct.pack('<I8I8I8I8I8I8I8', rc, second, serial, passes, ticket,
                       tickets, following)
end

-- which memory this is: another after a restart, and after a failover
local function memory()
    local info = redis.pcall('INFO', 'replication')

    return type(info) == 'string'
           and tonumber(string.match(info, 'master_replid:(%x+)')
                        :sub(1, 12), 16) or 0
end

local s = redis.call('HMGET', KEYS[1], 'run', 'zero', 'next', 'low', 'serial',
                     'spent', 'waiting', 'expected', 'admitted', 'quiet')

for i = 1, 10 do
    s[i] = tonumber(s[i])
end

local run, zero, following, low, serial, spent, waiting, expected, admitted,
      quiet = unpack(s, 1, 10)

-- a tick has to put it in order first

if not following or run ~= memory() or known > following
   or second * 1000 + usec / 1000 < quiet
then
    return answer(MOMENT, 0, 0, 0, 0, 0)
end

if bit.band(flags, HALT) ~= 0 then
    return answer(PAUSED, 0, 0, 0, 0, following)
end

-- those who enter: by the rate's credit, and while there is room

local passes = 0
local now = (second - zero) * 1000000 + usec

if entrants > 0 and waiting == 0 and bit.band(flags, DIRECT) ~= 0 then
    local cost = interval / 1000
    local limit = max(cost, expected > 0 and 500000 or 1000000)

    if spent < now or spent > now + limit + FORGIVEN then
        spent = now
    end

    passes = min(entrants, people, floor((now + limit - spent) / cost + 1e-6))

    if most ~= 0 then
        passes = min(passes, most - expected
                     - redis.call('ZCOUNT', KEYS[2], '(' .. second, '+inf'))
    end

    passes = max(passes, 0)
    spent = spent + passes * cost
end

local tickets = max(min(people - passes, low + SPAN - following), 0)

if passes + tickets == 0 then
    return answer(FULL, 0, 0, 0, 0, following)
end

if passes > 0 then
    local seats = {}
    local over = (floor((second + session) / unit) + 1) * unit

    for i = 0, passes - 1 do
        seats[#seats + 1] = over
        seats[#seats + 1] = serial + i
    end

    redis.call('ZADD', KEYS[2], unpack(seats))
    redis.call('EXPIRE', KEYS[2], TTL)
end

redis.call('HSET', KEYS[1], 'next', following + tickets,
           'serial', serial + passes, 'admitted', admitted + passes,
           'spent', spent, 'waiting', tickets > 0 and 1 or waiting)

return answer(WAITING, serial, passes, following, tickets,
              following + tickets)
