#!lua flags=allow-oom

-- What there is of SKUs; what is over of their holds returns, some at a time.
--
-- KEYS     five for each SKU: stock, holds, due, totals, buyers; then the
--          names of all SKUs, if they are touched or listed
-- ARGV     the head: two words: flags; SKUs.  Then names that are touched
-- returns  words, in one text: for each SKU seven; then all names, if they
--          were to be listed
--
-- Words are of 64 bits, little-endian.  Flags: 1 names are touched, 2 names
-- are listed, 16 as in checkout.lua.
--
-- The seven: 1 if there is no such SKU, 2 if there is, 3 if the stock's key
-- holds no number of units, 4 if it has to be confirmed after a failover;
-- then, with 2 and 4, as adm_facts_t: available, held, holds, unresolved,
-- committed, expired; with 1 and 3 available is 0.

include "parts/hold.lua"

local TOUCH, LIST = 1, 2

-- names that are kept at most, the latest
local NAMES = 4096

local flags, skus = take('<I8I8', ARGV[1])
local words, stocks = {}, {}
local names = {}

for i = 1, skus do
    local s = open(5 * (i - 1), flags)

    sweep(s)
    forget(s)

    -- what is there lives, and is confirmed when it is seen first
    if s.first_seen or (s.renewed > 0 and s.renewed + RENEW < second) then
        s.changed = true
    end

    stocks[i] = s
end

if has(flags, LIST) ~= 0 then
    names = call('ZRANGE', KEYS[#KEYS], 0, -1)

elseif has(flags, TOUCH) ~= 0 then
    call('ZCARD', KEYS[#KEYS])
end

for i = 1, skus do
    save(stocks[i])
    tell(stocks[i], words)
end

if has(flags, TOUCH) ~= 0 and #ARGV > 1 then
    local touched = {}

    for i = 2, #ARGV do
        touched[2 * i - 3], touched[2 * i - 2] = second, ARGV[i]
    end

    call('ZADD', KEYS[#KEYS], unpack(touched))
    call('ZREMRANGEBYSCORE', KEYS[#KEYS], '-inf', second - tonumber(TTL))
    call('ZREMRANGEBYRANK', KEYS[#KEYS], 0, -NAMES - 1)
    call('EXPIRE', KEYS[#KEYS], TTL)
end

return { text(words), names }
