#!lua flags=allow-oom

-- A hold by its id, in whichever of some SKUs it is: told of, committed or
-- released; or holds that are unresolved.
--
-- KEYS     five for each SKU: stock, holds, due, totals, buyers
-- ARGV     what, as ngx_adm_ask_e: HOLD, COMMIT, RELEASE or HOLDS; the id, 16
--          bytes; HOLDS: how many at most
-- returns  two words, in one text: what came of it, as ngx_adm_told_e; 1 if
--          there are more.  Then a text for each hold: five words: which SKU,
--          from 0; what came of it; its state, as ngx_adm_hold_state_e; the
--          quantity; ms since the epoch: when it is over, or, of unresolved
--          ones, since when, of settled ones, when they are forgotten; then
--          the id and the note
--
-- Words are of 64 bits, little-endian.  A hold that is running can be
-- committed, and is not released: RUNNING.

include "parts/hold.lua"

local HOLD, COMMIT, RELEASE, HOLDS = 5, 6, 7, 8

local what, id, most = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3] or 0)
local found, told, more = {}, NONE, 0


local function show(i, rc, id, h)
    return text({ i - 1, rc, h.state == EXPIRED and RELEASED or h.state,
                  h.quantity, h.moment }) .. id .. h.note
end


local commit, release = moves()


local function act(s, h)
    if what == COMMIT then
        if h.state == RELEASED then
            return OTHER
        end

        return commit(s, id, h, h.quantity)

    elseif what == RELEASE then
        return h.state == RUNNING and BUSY or release(s, id, h)
    end

    return OK
end


local function list(i, s)
    local ids = call('ZRANGEBYSCORE', KEYS[s.first + 3], APART,
                     '(' .. TWICE, 'LIMIT', 0, most + 1)

    if #ids > most then
        more = 1
    end

    for n = 1, min(#ids, most) do
        local h = find(s, ids[n])

        if h then
            found[#found + 1] = { h.moment, show(i, OK, ids[n], h) }
        end
    end
end


local stocks = {}

for i = 1, #KEYS / 5 do
    local s = open(5 * (i - 1), 0)

    stocks[i] = s
    sweep(s)
    forget(s)

    if what == HOLDS then
        told = OK
        list(i, s)

    else
        local h = find(s, id)

        -- what was ended before it came is none
        if h and h.quantity > 0 then
            local rc = act(s, h)

            if told == NONE or rc ~= OK then
                told = rc
            end

            found[#found + 1] = { 0, show(i, rc, id, h) }
        end
    end
end

for _, s in ipairs(stocks) do
    save(s)
end

if what == HOLDS then
    table.sort(found, function(a, b) return a[1] < b[1] end)

    if #found > most then
        more = 1
    end
end

local reply = { text({ told, more }) }

for n = 1, what == HOLDS and min(#found, most) or #found do
    reply[n + 1] = found[n][2]
end

return reply
