#!lua

-- Nodes tell what they used of a rate, and hear what all did.
--
-- KEYS     who is told of, by when that was, ms; then, for each client, the
--          level that all nodes made
-- ARGV     the node; the report's number, which rises; ticks that a unit
--          takes to drain; ticks above which a level is not kept; ms in which
--          all of a report was used, at most; 1 to hear who is told of; then
--          for each client six: the last part of its key; in which row of
--          reports it stands; units that the node used in that row; 1 if the
--          level is of its own use alone; its level, ticks; 1 if others
--          should tell of it, too
-- returns  for each client three: the level, ticks, or -1 if its key is not
--          ours; units that others used since the node's last report; how
--          long ago that was, us.  Then who is told of.
--
-- A client's key is a hash: "tat", us since 2024-01-01, when all that was used
-- will have drained; "sum", the units that were told; and for each node its
-- last report, "ROW NUMBER UNITS TIME SUM".  A report tells all that the node
-- used in its row so far: what is added is what the last one did not tell, so
-- a report that is lost, late or repeated counts once.
--
-- What is told was used since the last report, so that it may have begun to
-- drain then.  The first report of a row brings the level of the node: what
-- the node used alone is added, else the higher level counts, since both may
-- have seen the same use.

local ORIGIN = 1704067200
local TICKS = 65.536                 -- in a us
local TOLD = 5000                    -- ms
local REST = 60000                   -- ms
local GONE = 60000000                -- us
local NAMES = 1024

local FIELDS = 6
local FIRST = 6

local time = redis.call('TIME')
local now = (time[1] - ORIGIN) * 1000000 + time[2]
local ms = time[1] * 1000 + math.floor(time[2] / 1000)

local node = ARGV[1]
local number = tonumber(ARGV[2])
local interval = ARGV[3] / TICKS
local most = ARGV[4] / TICKS
local spread = ARGV[5] * 1000

local names = {}

if ARGV[6] == '1' then
    names = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', ms - TOLD,
                       'LIMIT', 0, NAMES)
else
    redis.call('ZCARD', KEYS[1])
end

-- all is read, and checked, before anything is written

local clients = {}

for i = 2, #KEYS do
    local values = redis.pcall('HMGET', KEYS[i], 'tat', 'sum', node)

    if not values.err then
        local row, last, units, at, sum = string.match(values[3] or '',
            '^(%d+) (%d+) (-?%d+) (%d+) (-?%d+)$')

        clients[i] = {
            tat = tonumber(values[1] or '0') or 0,
            sum = tonumber(values[2] or '0') or 0,
            row = row, last = tonumber(last), units = tonumber(units),
            at = tonumber(at), told = tonumber(sum)
        }
    end
end

-- fields of nodes that are gone, when one comes

local function sweep(key)
    local all = redis.call('HGETALL', key)

    for i = 1, #all, 2 do
        local at = string.match(all[i + 1], '^%d+ %d+ -?%d+ (%d+) -?%d+$')

        if at and tonumber(at) < now - GONE then
            redis.call('HDEL', key, all[i])
        end
    end
end

local function hear(key, c, name, row, units, own, level, tell)
    local others, since = 0, 0
    local tat = math.max(c.tat, now)

    if not c.row then
        tat = own and tat + level or math.max(tat, now + level)
        sweep(key)

    elseif number <= c.last then
        return math.max(c.tat - now, 0), 0, 0

    else
        since = math.max(now - c.at, 0)
        others = math.max(c.sum - c.told, 0)

        if c.row == row then
            tat = math.max(c.tat, now - math.min(since, spread))
                  + (units - c.units) * interval
            c.sum = c.sum + units - c.units
        else
            tat = math.max(tat, now + level)
        end
    end

    tat = math.min(tat, now + most)
    level = math.max(tat - now, 0)

    redis.call('HSET', key, 'tat', string.format('%.3f', tat),
               'sum', string.format('%.0f', c.sum),
               node, string.format('%s %.0f %.0f %.0f %.0f', row, number,
                                   units, now, c.sum))
    redis.call('PEXPIRE', key, math.ceil(level / 1000) + REST)

    if tell then
        redis.call('ZADD', KEYS[1], ms, name)
    end

    return level, others, since
end

local levels = {}

for i = 2, #KEYS do
    local at = FIRST + (i - 2) * FIELDS
    local level, others, since = -1, 0, 0

    if clients[i] then
        level, others, since = hear(KEYS[i], clients[i], ARGV[at + 1],
            ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4] == '1',
            ARGV[at + 5] / TICKS, ARGV[at + 6] == '1')
        level = math.ceil(level * TICKS)
    end

    levels[3 * i - 5] = level
    levels[3 * i - 4] = others
    levels[3 * i - 3] = since
end

if #KEYS > 1 then
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms - TOLD)
    redis.call('ZREMRANGEBYSCORE', KEYS[1], ms + TOLD, '+inf')
    redis.call('PEXPIRE', KEYS[1], REST)
end

return { levels, names }
