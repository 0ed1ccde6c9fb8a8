#!lua

-- An operator's change of a setting; the newest wins.
--
-- KEYS     the settings
-- ARGV     its name; when it was changed, ms by the clock of this server as
--          the node knows it; the rest of the value
-- returns  1 and the moment that it has now, or 0 and that of a newer change
--
-- A value is "MOMENT VALUE CONFIGURED NODE BY": what the setting is, or "-" if
-- it is as configured again; what tells whether the file's value is another;
-- the node on which it was changed; who did, nobody if it was the file.

local TTL = 30 * 86400 * 1000

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local moment = math.min(tonumber(ARGV[2]), now)
local value = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local there = tonumber(string.match(value, '^(%d+) ')) or 0
local version = tonumber(redis.call('HGET', KEYS[1], '#')) or 0

if there > moment then
    return { 0, there }
end

version = math.max(version + 1, time[1] * 1000000 + time[2])

redis.call('HSET', KEYS[1],
           ARGV[1], string.format('%.0f %s', moment, ARGV[3]),
           '#', string.format('%.0f', version))
redis.call('PEXPIRE', KEYS[1], TTL)

return { 1, moment }
