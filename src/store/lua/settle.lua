#!lua flags=allow-oom

-- What becomes of a key and of holds that checkout.lua took, or would have
-- taken; or both are extended.
--
-- KEYS     the key, if there is one; five for each SKU: stock, holds, due,
--          totals, buyers
-- ARGV     the head: eight words: flags; SKUs; what becomes of the key, as
--          ngx_adm_key_end_e, or 3: extended; ms of the lock; s that a key is
--          kept; status; what becomes of the holds, as ngx_adm_hold_end_e, or
--          4: extended; ms of a hold; then 16 bytes each: the id, the
--          fingerprint.  The response.  For each SKU the quantity
-- returns  words, in one text: what came of the key; for each SKU what came
--          of its hold, and seven as in stock.lua
--
-- Words are of 64 bits, little-endian.  Flags: 1 there is a key, 2 the
-- response can be replayed, 16 as in checkout.lua.  An extended lock or hold
-- lasts so many ms from now; so does a hold that is left.  All may be told
-- again.
--
-- What came of it is as ngx_adm_told_e: OK, now or before; OTHER, the key is
-- another's by now, or the hold is settled otherwise; NONE, there is no such
-- hold.  A commit of what has expired, or is not there, takes new units,
-- LATE, if there are any, else it is SHORT and takes none.  WRONG: the stock's
-- key holds no number, and nothing was changed: to be told again.

include "parts/hold.lua"

local KEYED, REPLAYABLE = 1, 2

-- what becomes of a key, and of a hold
local FORGET, KEEP, LOSE, EXTEND = 0, 1, 2, 3
local RELEASE, COMMIT, LEAVE, LOSE_HOLD, EXTEND_HOLD = 0, 1, 2, 3, 4

local head = ARGV[1]
local flags, skus, key_end, lock, life, status, hold_end, hold
    = take('<I8I8I8I8I8I8I8I8', head)
local id, fingerprint = take('<c16c16', head, 65)


local function end_key()
    local state, fence, print
    local value = call('GET', KEYS[1])

    if value then
        if #value < KEY_BYTES then
            return nil, redis.error_reply('WRONGTYPE the value is no key')
        end

        state, fence, print = take('<Bc16c16', value)

        -- what was ended before is as if it were not there, but for its owner
        if fence ~= id and state ~= FREE then
            return OTHER
        end
    end

    if fence == id and (state == FREE or state == ENDED or state == BARE) then
        return (key_end == FORGET) == (state == FREE) and OK or OTHER
    end

    local now_state = ACTIVE

    if key_end == FORGET then
        -- a take that comes later, or is extended, finds that it was ended
        call('SETEX', KEYS[1], TOMB / 1000,
             pack('<Bc16c16I8I2', FREE, id, fingerprint, 0, 0))
        return value and OK or NONE

    elseif key_end == KEEP then
        now_state = has(flags, REPLAYABLE) ~= 0 and ENDED or BARE

    elseif key_end == LOSE then
        now_state = LOST
    end

    call('SETEX', KEYS[1], life,
         pack('<Bc16c16I8I2', now_state, id, fingerprint, now + lock, status)
         .. (now_state == ENDED and ARGV[2] or ''))

    return OK
end


local commit, release, unresolve = moves()


local function stay(s, h, state)
    if h.state > UNRESOLVED then
        return h.state == COMMITTED and OK or OTHER
    end

    if h.state == UNRESOLVED then
        s.unresolved = s.unresolved - h.quantity
        s.held, s.count = s.held + h.quantity, s.count + 1
    end

    put(s, id, h, state, now + hold)

    return OK
end


local function end_hold(s, quantity)
    local h = find(s, id)

    if hold_end == COMMIT then
        return commit(s, id, h, quantity)
    end

    if not h then
        -- it may still come
        if hold_end == RELEASE then
            put(s, id, { flags = 0, quantity = 0, note = '' }, RELEASED,
                now + TOMB)
        end

        return NONE
    end

    if hold_end == RELEASE then
        return release(s, id, h)

    elseif hold_end == LEAVE then
        return stay(s, h, HELD)

    elseif hold_end == EXTEND_HOLD then
        return h.state == HELD and OK or stay(s, h, RUNNING)
    end

    if h.state > UNRESOLVED then
        return h.state == COMMITTED and OK or OTHER
    end

    if h.state ~= UNRESOLVED then
        unresolve(s, id, h)
    end

    return OK
end


local keyed = has(flags, KEYED)
local words, stocks, what = { OK }, {}, {}

for i = 1, skus do
    stocks[i] = open(keyed + 5 * (i - 1), flags)
    what[i] = end_hold(stocks[i], tonumber(ARGV[2 + i]))
    forget(stocks[i])
end

if keyed == 1 then
    local rc, wrong = end_key()

    if wrong then
        return wrong
    end

    words[1] = rc
end

for i = 1, skus do
    save(stocks[i])
    words[#words + 1] = what[i]
    tell(stocks[i], words)
end

return text(words)
