-- Stock, and who has set units of it aside.  Of a SKU:
--
--     stock    a text, the units that are free: any client may set it; if it
--              is not there, there is no such SKU
--     holds    a hash: for each id its hold, also a settled one, for a while
--     due      a sorted set: for each id when it is over, ms since the epoch;
--              behind APART since when it is unresolved; behind TWICE when,
--              since it is settled, it is forgotten
--     totals   a text: eight words: held, holds, unresolved, committed,
--              expired; when the keys were given more time, s; before when
--              nothing is over, and nothing is forgotten, ms since the epoch;
--              then the memory in which the stock was confirmed, if it has to
--              be
--     buyers   a hash: for each buyer the units of a window, and its end, ms
--
-- A hold is its state, a byte; flags, a byte: 1 it returns if unresolved, 2
-- it counts for a buyer; the quantity, 4 bytes; the moment of "due", 8 bytes;
-- then, with 2, 16 bytes of the buyer and 8 of the window's end; the note.
-- An id that was ended before it came has a quantity of 0.
--
-- available + held + unresolved + committed is the same before and after each
-- script, but for what an operator sets.  What nobody looks at for 30 days is
-- forgotten: then units that were held or unresolved stay out of the stock.
--
-- All is read, and by that checked, before the first is written, by save().
--
-- A key is a text: its state, a byte; the fence, 16 bytes: the id that has
-- it; the fingerprint, 16 bytes; ms since the epoch, until when it is locked,
-- 8 bytes; the status, 2 bytes; then the kept response.  One whose lock has
-- passed is not free: nobody knows what became of its request.

local RUNNING, HELD, UNRESOLVED, COMMITTED, RELEASED, EXPIRED
    = 0, 1, 2, 3, 4, 5
local RETURNS, BOUGHT = 1, 2

-- of a key: its request runs; was sent and not answered; was answered, and
-- that was kept, or not; it was ended before it came, or is free again
local ACTIVE, LOST, ENDED, BARE, FREE = 0, 1, 2, 3, 4
local KEY_BYTES = 43

-- as ngx_adm_told_e
local OK, NONE, SHORT, LATE, OTHER, BUSY, SPOILT = 0, 1, 2, 3, 4, 5, 6

-- what is known of a SKU
local MISSING, SEEN, WRONG, UNCONFIRMED = 1, 2, 3, 4

-- of heads: stock has to be confirmed after a failover
local CLOSE = 16

local APART, TWICE = 1e15, 2e15

-- when there is nothing that could be over, or forgotten
local NEVER = 2 ^ 52

-- holds that one call returns, and forgets, of a SKU; other buyers that are
-- looked at when one is written
local SWEEP, LOOKS = '8', '2'

-- ms for which is known what was settled, and, as there may be very many, what
-- was released, or ended before it came; s for which keys live, and after which they are given more time
local KNOWN, TOMB = 86400000, 600000
local TTL, RENEW = '2592000', 86400

local call, pack, take = redis.call, struct.pack, struct.unpack
local has, max, min = bit.band, math.max, math.min

local time = call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(time[2] / 1000)


-- which memory this is: another after a restart, and after a failover

local function memory()
    return string.match(redis.pcall('INFO', 'replication'),
                        'master_replid:(%x+)')
end


-- the SKU whose keys stand behind "first", and what is told of it

local function open(first, flags)
    local s = { first = first, delta = 0, look = SEEN, holds = {},
                buyers = {} }
    local stock = redis.pcall('GET', KEYS[first + 1])
    local totals = call('GET', KEYS[first + 4])

    if totals then
        s.held, s.count, s.unresolved, s.committed, s.expired, s.renewed,
            s.soon, s.old = take('<I8I8I8I8I8I8I8I8', totals)
        s.run = totals:sub(65)

    else
        s.held, s.count, s.unresolved, s.committed, s.expired, s.renewed
            = 0, 0, 0, 0, 0, 0
        s.soon, s.old, s.run = NEVER, NEVER, ''
    end

    s.dues = call('ZCARD', KEYS[first + 3])

    if not stock then
        s.look = MISSING

    elseif type(stock) ~= 'string' or #stock > 15
           or not (stock == '0' or string.match(stock, '^%-?[1-9]%d*$'))
    then
        s.look = WRONG

    else
        s.units = tonumber(stock)

        if s.units < 0 then
            s.look = WRONG

        elseif has(flags, CLOSE) ~= 0 then
            local run = memory()

            if s.run == '' then
                s.run, s.first_seen = run, true

            elseif s.run ~= run then
                s.look = UNCONFIRMED
            end
        end
    end

    return s
end


-- units that are free

local function free(s)
    return s.units and max(s.units + s.delta, 0) or 0
end


local function find(s, id)
    local h = s.holds[id]

    if h then
        return h
    end

    local value = call('HGET', KEYS[s.first + 2], id)

    if not value then
        return nil
    end

    h = {}
    h.state, h.flags, h.quantity, h.moment = take('<BBI4I8', value)

    if has(h.flags, BOUGHT) ~= 0 then
        h.buyer, h.window = take('<c16I8', value, 15)
    end

    h.note = value:sub(h.buyer and 39 or 15)

    return h
end


-- units of a buyer, and the end of the window, ms; 0 if there is none

local function bought(s, buyer)
    local b = s.buyers[buyer]

    if not b then
        local value = call('HGET', KEYS[s.first + 5], buyer)

        b = { 0, 0 }

        if value then
            b[1], b[2] = take('<I8I8', value)
        end
    end

    return b[1], b[2]
end


-- a hold as it is from now on

local function put(s, id, h, state, moment)
    h.state, h.moment = state, moment
    s.holds[id] = h
    s.changed = true

    if state <= HELD then
        s.soon = min(s.soon, moment)

    elseif state > UNRESOLVED then
        s.old = min(s.old, moment)
    end
end


-- What becomes of holds.  Functions are made when they are called for, which
-- is not often where time counts most.

local function moves()

    -- one that is out of the stock is not, or otherwise

    local function leave(s, h)
        if h.state == UNRESOLVED then
            s.unresolved = s.unresolved - h.quantity
        else
            s.held, s.count = s.held - h.quantity, s.count - 1
        end
    end


    local function settle(s, id, h, state)
        if h.buyer and state ~= COMMITTED then
            local units, window = bought(s, h.buyer)

            if window == h.window then
                s.buyers[h.buyer] = { max(units - h.quantity, 0), window }
            end
        end

        h.buyer, h.flags = nil, 0
        put(s, id, h, state, now + (state == RELEASED and TOMB or KNOWN))
    end


    local function bring_back(s, id, h, state)
        leave(s, h)
        s.delta = s.delta + h.quantity

        if state == EXPIRED then
            s.expired = s.expired + h.quantity
        end

        settle(s, id, h, state)
    end


    local function unresolve(s, id, h)
        if has(h.flags, RETURNS) ~= 0 then
            bring_back(s, id, h, EXPIRED)
            return
        end

        leave(s, h)
        s.unresolved = s.unresolved + h.quantity
        put(s, id, h, UNRESOLVED, now)
    end


    -- What comes of it is as ngx_adm_told_e; "h" may be nil.

    local function commit(s, id, h, quantity)
        if h and h.state == COMMITTED then
            return OK
        end

        if h and h.state <= UNRESOLVED then
            leave(s, h)
            s.committed = s.committed + h.quantity
            settle(s, id, h, COMMITTED)

            return OK
        end

        if s.look == WRONG then
            return SPOILT
        end

        if not h or h.quantity == 0 then
            h = { flags = 0, quantity = quantity, note = '' }
        end

        if h.quantity > free(s) then
            return SHORT
        end

        s.delta = s.delta - h.quantity
        s.committed = s.committed + h.quantity
        settle(s, id, h, COMMITTED)

        return LATE
    end


    local function release(s, id, h)
        if h.state > UNRESOLVED then
            return h.state == COMMITTED and OTHER or OK
        end

        if s.look == WRONG then
            return SPOILT
        end

        bring_back(s, id, h, RELEASED)

        return OK
    end


    return commit, release, unresolve, bring_back
end


-- those of "from" to "till", at most SWEEP of them, and the score of the next

local function over(s, from, till)
    local ids = call('ZRANGEBYSCORE', KEYS[s.first + 3], from, till, 'LIMIT',
                     '0', SWEEP)
    local following = call('ZRANGEBYSCORE', KEYS[s.first + 3], from, '+inf',
                           'WITHSCORES', 'LIMIT', #ids, '1')

    return ids, tonumber(following[2] or NEVER)
end


-- What is over returns, and what nobody answered is unresolved.  Nothing can
-- return to a stock that is no number; if it was taken away, what would
-- return is gone as well.

local function sweep(s)
    if s.soon > now or s.look == WRONG then
        return
    end

    local _, _, unresolve, bring_back = moves()
    local ids, soon = over(s, '-inf', now)

    s.soon = soon < APART and soon or NEVER
    s.changed = true

    for _, id in ipairs(ids) do
        local h = find(s, id)

        if h and h.state == RUNNING then
            unresolve(s, id, h)

        elseif h and h.state == HELD then
            bring_back(s, id, h, EXPIRED)
        end
    end
end


-- what was settled long ago

local function forget(s)
    if s.old > now then
        return
    end

    local ids, old = over(s, TWICE, TWICE + now)

    s.old = min(old - TWICE, NEVER)
    s.forgotten = ids
    s.changed = true
end


-- those whose window is over go when others come

local function save_buyers(s)
    local key, life = KEYS[s.first + 5], tonumber(TTL)

    for buyer, b in pairs(s.buyers) do
        life = max(life, math.ceil((b[2] - now) / 1000))

        if b[1] > 0 then
            call('HSET', key, buyer, pack('<I8I8', b[1], b[2]))
        else
            call('HDEL', key, buyer)
        end
    end

    local some = call('HRANDFIELD', key, LOOKS, 'WITHVALUES')

    for i = 1, #some, 2 do
        local window = #some[i + 1] == 16 and take('<I8', some[i + 1], 9) or 0

        if window <= now then
            call('HDEL', key, some[i])
        end
    end

    call('EXPIRE', key, life)
end


local function save_hold(s, id, h)
    local value = pack('<BBI4I8', h.state, h.flags, h.quantity, h.moment)
    local apart = h.state > UNRESOLVED and TWICE
                  or h.state == UNRESOLVED and APART or 0

    if h.buyer then
        value = value .. pack('<c16I8', h.buyer, h.window)
    end

    call('HSET', KEYS[s.first + 2], id, value .. h.note)
    call('ZADD', KEYS[s.first + 3], apart + h.moment, id)
end


local function save(s)
    if not s.changed then
        return
    end

    if s.delta ~= 0 and s.units then
        call('INCRBY', KEYS[s.first + 1], s.delta)
        s.units, s.delta = s.units + s.delta, 0
    end

    if s.forgotten and #s.forgotten > 0 then
        call('HDEL', KEYS[s.first + 2], unpack(s.forgotten))
        call('ZREM', KEYS[s.first + 3], unpack(s.forgotten))
        s.dues = s.dues - #s.forgotten
    end

    for id, h in pairs(s.holds) do
        save_hold(s, id, h)
    end

    if next(s.buyers) then
        save_buyers(s)
    end

    -- a key that was empty had gone, and its time with it
    if second > s.renewed + RENEW or s.dues == 0 then
        s.renewed = second
        call('EXPIRE', KEYS[s.first + 2], TTL)
        call('EXPIRE', KEYS[s.first + 3], TTL)
    end

    call('SETEX', KEYS[s.first + 4], TTL,
         pack('<I8I8I8I8I8I8I8I8', s.held, s.count, s.unresolved, s.committed,
              s.expired, s.renewed, s.soon, s.old) .. s.run)
end


-- the seven words of a SKU, behind others

local function tell(s, words)
    local n = #words

    words[n + 1], words[n + 2], words[n + 3] = s.look, free(s), s.held
    words[n + 4], words[n + 5] = s.count, s.unresolved
    words[n + 6], words[n + 7] = s.committed, s.expired
end


local function text(words)
    return pack('<' .. string.rep('I8', #words), unpack(words))
end
