#!lua

-- Takes a key, units of rates and units of stock, all or none; but what rates
-- have charged stays charged when stock refuses.
--
-- KEYS     the key, if there is one; one for each rate; five for each SKU:
--          stock, holds, due, totals, buyers
-- ARGV     the head: seven words: flags; SKUs; ms of the lock; s that a key
--          is kept; ms of a hold; units that a buyer may have, 0 for any; s
--          of that; then 16 bytes each: the id, the fingerprint, the buyer;
--          the note, up to 64 bytes.  For each rate three: ticks, depth,
--          ceiling.  For each SKU the quantity, at least 1
-- returns  words, in one text: what is said of the key, ms until its lock
--          passes, its status; for each rate four as in rate.lua; what is
--          said of the stock, which SKU was refused, ms until it may be
--          otherwise; for each SKU seven as in stock.lua; then the kept
--          response
--
-- Words are of 64 bits, little-endian.  Flags: 1 there is a key, 2 it is only
-- looked at, 4 the stock is only looked at, 8 unresolved holds return, 16
-- after a failover stock is refused until it is confirmed.  The number of
-- rates is what is left of KEYS.  A SKU is named once.  Any part may be
-- missing.
--
-- What is said of the key is as ngx_adm_key_rc_e, of the stock as
-- ngx_adm_stock_rc_e; both are 0 if nothing was asked.  If the key is not
-- new, or a rate refuses, the stock is WITHHELD, and what follows is 0; SKUs
-- are counted from 0.
--
-- A call with an id that has its key or its hold already gets the first
-- answer, and is not charged again; with one that was ended before it came,
-- it takes nothing.

include "parts/hold.lua"

-- as ngx_adm_key_rc_e
local NEW, OCCUPIED, UNKNOWN, DONE, UNKEPT, MISMATCH = 0, 1, 2, 3, 4, 5

-- as ngx_adm_stock_rc_e
local THERE, SOLD_OUT, RESERVED, NO_SUCH, BUYER, CLOSED, BROKEN, WITHHELD
    = 0, 1, 2, 3, 4, 5, 6, 8

-- flags of the head
local KEYED, KEY_PEEK, STOCK_PEEK, COMES_BACK = 1, 2, 4, 8

local head = ARGV[1]
local flags, skus, lock, life, hold, most, span
    = take('<I8I8I8I8I8I8I8', head)
local id, fingerprint, buyer = take('<c16c16c16', head, 57)
local note = head:sub(105)

local keyed = has(flags, KEYED)
local nrates = #KEYS - keyed - 5 * skus

-- what is returned: the rates from the fourth word on, then the stock
local said, wait, status, kept = NEW, 0, 0, ''
local replies, values = {}, {}
local fits = true
local answer, refused, later = THERE, 0, 0
local stocks = {}


local function reply()
    local words = { said, wait, status }

    for i = 1, 4 * nrates do
        words[3 + i] = replies[i] or 0
    end

    local n = #words

    words[n + 1], words[n + 2], words[n + 3] = answer, refused, later

    for i = 1, skus do
        if stocks[i] then
            tell(stocks[i], words)
        else
            for k = 1, 7 do
                words[n + 3 + 7 * (i - 1) + k] = 0
            end
        end
    end

    return text(words) .. kept
end


-- what is said of a key that was used; true if this id has it

local function look_at_key(value)
    local state, fence, print, till

    if #value < KEY_BYTES then
        return nil, redis.error_reply('WRONGTYPE the value is no key')
    end

    state, fence, print, till, status = take('<Bc16c16I8I2', value)

    if state == FREE then
        said = fence == id and OCCUPIED or NEW
        status = 0
        return false
    end

    if fence == id and state == ACTIVE then
        return true
    end

    if print ~= fingerprint then
        said, status = MISMATCH, 0

    elseif state == ACTIVE and till > now then
        said, wait = OCCUPIED, till - now

    elseif state == ACTIVE or state == LOST then
        said = UNKNOWN

    elseif state == ENDED then
        said, kept = DONE, value:sub(KEY_BYTES + 1)

    else
        said = UNKEPT
    end

    return false
end


-- what is said of one SKU, and ms until it may be otherwise

local function judge(s, quantity)
    if s.look == MISSING then
        return NO_SUCH, 0

    elseif s.look == WRONG then
        return BROKEN, 0

    elseif s.look == UNCONFIRMED then
        return CLOSED, 0

    elseif quantity > free(s) then
        if quantity > free(s) + s.held + s.unresolved then
            return SOLD_OUT, 0
        end

        return RESERVED, s.soon < NEVER and max(s.soon - now, 0) or 0
    end

    if most > 0 then
        local units, window = bought(s, buyer)

        if window <= now then
            units, window = 0, now + span * 1000
        end

        if units + quantity > most then
            return BUYER, quantity <= most and window - now or 0
        end

        s.window, s.had = window, units
    end

    return THERE, 0
end


local function set_aside(s, quantity)
    local h = { flags = has(flags, COMES_BACK) ~= 0 and RETURNS or 0,
                quantity = quantity, note = note }

    if most > 0 then
        h.flags = h.flags + BOUGHT
        h.buyer, h.window = buyer, s.window
        s.buyers[buyer] = { s.had + quantity, s.window }
    end

    s.delta = s.delta - quantity
    s.held, s.count = s.held + quantity, s.count + 1
    put(s, id, h, RUNNING, now + hold)
end


-- all that there is, and what is said of it; true if this id has some of it

local function look_at_stock(first, again)
    local peek = has(flags, STOCK_PEEK) ~= 0

    for i = 1, skus do
        local s = open(first + 5 * (i - 1), flags)

        stocks[i] = s

        if not peek then
            sweep(s)

            local h = find(s, id)

            if h then
                again = true

                if h.state ~= RUNNING then
                    answer = WITHHELD
                end
            end
        end
    end

    if again then
        return true
    end

    for i = 1, skus do
        local rc, ms = judge(stocks[i], tonumber(ARGV[1 + 3 * nrates + i]))

        if rc ~= THERE then
            answer, refused, later = rc, i - 1, ms
            return false
        end
    end

    return false
end


local again = false

if keyed == 1 then
    local value, wrong = call('GET', KEYS[1])

    if value then
        again, wrong = look_at_key(value)

        if wrong then
            return wrong
        end
    end

    if said ~= NEW then
        answer = skus > 0 and WITHHELD or THERE
        return reply()
    end
end

local key, arg, n = keyed, 1, nrates

if n > 0 then

include "parts/rate_look.lua"

end

local refused_by_rate = not fits and not again

if refused_by_rate then
    answer = skus > 0 and WITHHELD or THERE
else
    again = look_at_stock(keyed + nrates, again)
end

-- from here on it is written

fits = fits and not again

include "parts/rate_charge.lua"

if refused_by_rate then
    return reply()
end

if not again and answer == THERE then

    if has(flags, STOCK_PEEK) == 0 then
        for i = 1, skus do
            set_aside(stocks[i], tonumber(ARGV[1 + 3 * nrates + i]))
        end
    end

    if keyed == 1 and has(flags, KEY_PEEK) == 0 then
        call('SETEX', KEYS[1], life, pack('<Bc16c16I8I2', ACTIVE, id,
                                          fingerprint, now + lock, 0))
    end
end

for i = 1, skus do
    save(stocks[i])
end

return reply()
