#!lua

-- An operator's change of stock; or a key is made free.
--
-- KEYS     five: stock, holds, due, totals, buyers; or one: the key
-- ARGV     what, as ngx_adm_ask_e: SET, TOTAL, ADD or FORGET; the number;
--          flags: 16 as in checkout.lua
-- returns  words, in one text: what came of it, as ngx_adm_told_e; of stock
--          seven as in stock.lua
--
-- Words are of 64 bits, little-endian.

include "parts/hold.lua"

local SET, TOTAL, ADD, FORGET = 2, 3, 4, 9

local MOST = 999999999999999

local what, number, flags = tonumber(ARGV[1]), tonumber(ARGV[2]),
                            tonumber(ARGV[3])


local function forget_key()
    local value = call('GET', KEYS[1])

    if value and #value < KEY_BYTES then
        return nil, redis.error_reply('WRONGTYPE the value is no key')
    end

    local state, _, _, till = FREE

    if value then
        state, _, _, till = take('<Bc16c16I8', value)
    end

    if state == FREE then
        return NONE

    elseif state == ACTIVE and till > now then
        return BUSY
    end

    call('DEL', KEYS[1])

    return OK
end


-- what a stock is to be; nothing, and why

local function value_of(s)
    local units = number

    if what == TOTAL then
        units = number - s.held - s.unresolved - s.committed

    elseif what == ADD then
        if s.look == MISSING then
            return nil, NONE

        elseif not s.units then
            return nil, SPOILT
        end

        units = s.units + s.delta + number
    end

    if units < 0 or units > MOST then
        return nil, SHORT
    end

    return units, OK
end


if what == FORGET then
    local rc, wrong = forget_key()

    return wrong or text({ rc })
end

local s = open(0, flags)

sweep(s)

local units, rc = value_of(s)

-- who sets it knows what is there
if units and what ~= ADD and has(flags, CLOSE) ~= 0 then
    s.run = memory()
    s.changed = true
end

save(s)

if units then
    call('SET', KEYS[1], units)
    s.units = units

    if what ~= ADD or s.look == WRONG then
        s.look = SEEN
    end
end

local words = { rc }

tell(s, words)

return text(words)
