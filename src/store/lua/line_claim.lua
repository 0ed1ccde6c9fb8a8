#!lua

-- A called ticket is exchanged for a pass, once.
--
-- KEYS  the line's state, bits of who came back, bits of who came and was
--       exchanged, who is inside, the seconds, who came in them by parts, the
--       ticket's note
-- ARGV  nine words: the ticket; the second of the line in which it was
--       called, 0 if not known; the part of the claim window that has passed
--       since, 64 if all; ns of credit that it may use; ns for an admission;
--       the ceiling, 0 for none; seconds of a session, and of a slot of it;
--       flags: 2 paused
--
-- Returns three words: what came of it, the serial, the second it was given.

local MOMENT, ADMITTED, REPEATED, USED, OVER, PAUSED = 3, 4, 5, 6, 7, 9

local HALT = 2

local FORGIVEN = 10000000

-- of the rings of seconds, and bytes of one; see line_tick.lua
local SECONDS, SECOND, PARTS_SECONDS, PARTS = 4096, 32, 256, 64

-- where in a second's bytes people are counted
local CALLED, CLAIMED = 4, 8

-- seconds for which a claim can be repeated, and one more
local NOTE = 31

local TTL = 604800

local floor, max = math.floor, math.max

local ticket, called, part, credit, interval, most, session, unit, flags
    = struct.unpack('<I8I8I8I8I8I8I8I8I8', ARGV[1])

local time = redis.call('TIME')
local second, usec = tonumber(time[1]), tonumber(time[2])

local function answer(rc, serial, since)
    return struct.pack('<I8I8I8', rc, serial or 0, since or 0)
end

local function memory()
    local info = redis.pcall('INFO', 'replication')

    return type(info) == 'string'
           and tonumber(string.match(info, 'master_replid:(%x+)')
                        :sub(1, 12), 16) or 0
end

local s = redis.call('HMGET', KEYS[1], 'run', 'zero', 'frontier', 'low',
                     'base', 'serial', 'spent', 'claims', 'moments',
                     'admitted', 'clock', 'rest')

for i = 1, 12 do
    s[i] = tonumber(s[i])
end

local run, zero, frontier, low, base, serial, spent, claims, moments,
      admitted, clock, rest = unpack(s, 1, 12)

-- a tick has to put it in order first

if not frontier or run ~= memory() or ticket >= frontier
   or second * 1000 + usec / 1000 < rest
then
    return answer(MOMENT)
end

if ticket < low then
    return answer(OVER)
end

local at = 2 * (ticket - base)

if redis.call('GETBIT', KEYS[3], at + 1) == 1 then
    local note = redis.call('GET', KEYS[7])

    if note then
        return answer(REPEATED, struct.unpack('<I8I8', note))
    end

    return answer(USED)
end

if bit.band(flags, HALT) ~= 0 then
    return answer(PAUSED)
end

-- one more in a ring: in the second in which it was called

local function count(offset)
    if called > 0 then
        redis.call('BITFIELD', KEYS[5], 'INCRBY', 'u32',
                   (called % SECONDS * SECOND + offset) * 8, 1)
    end
end

if redis.call('SETBIT', KEYS[2], ticket - base, 1) == 0 then
    count(CALLED)
end

if redis.call('SETBIT', KEYS[3], at, 1) == 0 and part < PARTS then
    redis.call('BITFIELD', KEYS[6], 'INCRBY', 'u16',
               (floor(clock / 1000) % PARTS_SECONDS * PARTS + part) * 16, 1)
end

local now = (second - zero) * 1000000 + usec
local cost = interval / 1000
local limit = max(credit / 1000, cost)

if spent < now or spent > now + limit + FORGIVEN then
    spent = now
end

if spent + cost - now > limit + 1e-3
   or (most ~= 0 and redis.call('ZCOUNT', KEYS[4], '(' .. second, '+inf')
                     >= most)
then
    redis.call('HSET', KEYS[1], 'moments', moments + 1)
    return answer(MOMENT)
end

redis.call('SETBIT', KEYS[3], at + 1, 1)
redis.call('SET', KEYS[7], struct.pack('<I8I8', serial, second), 'EX', NOTE)
redis.call('ZADD', KEYS[4], (floor((second + session) / unit) + 1) * unit,
           serial)
redis.call('EXPIRE', KEYS[4], TTL)
redis.call('HSET', KEYS[1], 'serial', serial + 1, 'spent', spent + cost,
           'claims', claims + 1, 'admitted', admitted + 1)
count(CLAIMED)

return answer(ADMITTED, serial, second)
