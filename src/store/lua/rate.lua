#!lua

-- Takes units of rates: of all, or of none.
--
-- KEYS     one for each rate
-- ARGV     for each rate: ticks, depth, ceiling
-- returns  for each rate, one after the other: level, TAT, REFUNDED, SINCE;
--          the last three are 0 if nothing was taken
--
-- What these are is told in parts/rate_look.lua.

local call, pack, take = redis.call, struct.pack, struct.unpack

local time = call('TIME')
local key, arg, n = 0, 0, #KEYS
local replies, values = {}, {}
local fits = true

include "parts/rate_look.lua"

include "parts/rate_charge.lua"

return replies
