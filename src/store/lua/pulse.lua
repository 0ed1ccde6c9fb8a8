#!lua

-- A node lives; which others do, and what operators changed.
--
-- KEYS     the nodes, by when each was heard last, ms; the settings
-- ARGV     the node; the version of the settings that it knows
-- returns  now, ms; how many nodes live; the version of the settings; if it
--          is another, all of them: name, value, name, value ...
--
-- A node that was not heard for five seconds is dead.  The version is a field
-- of the settings whose name, "#", none has; a value is as setting.lua has it.

local DEAD = 5000
local TTL = 30 * 86400 * 1000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- before anything is written: both are of the type that they should be
local version = redis.call('HGET', KEYS[2], '#') or '0'
redis.call('ZCARD', KEYS[1])

redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - DEAD)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + DEAD, '+inf')
redis.call('PEXPIRE', KEYS[1], 2 * DEAD)
redis.call('PEXPIRE', KEYS[2], TTL)

local settings = {}

if version ~= ARGV[2] then
    settings = redis.call('HGETALL', KEYS[2])
end

return { now, redis.call('ZCARD', KEYS[1]), version, settings }
