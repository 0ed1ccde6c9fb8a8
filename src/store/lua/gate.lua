#!lua

-- The nodes before an upstream: one tells what it did, and hears what all did.
--
-- KEYS     the nodes, a hash
-- ARGV     the node's name; what it did; the plan, if it believes that it
--          leads, else nothing
-- returns  words of 64 bits: now, ms; when the hash was made; how many nodes
--          live; how many bytes the plan has; the plan; then of each node its
--          name and what it did, by name
--
-- What a node did, and the plan, are bytes that src/core/adm_team.c knows.  A
-- field is a node's name, and has when it told, ms, and what.  The field "#"
-- has when the hash was made, when the plan was told, and the plan, which is
-- the leader's: of the node whose name is the least of those that live.
--
-- A node that was silent for a while is dropped, as is what is no node's.  More
-- nodes than there may be hear, and are not heard.

local NODES, FIELDS = 256, 512
local NAME, RECORD = 16, 80

-- ms: nodes tell the more seldom the more there are
local SILENT, EACH = 2000, 16
local REST, TTL = 10000, 60000

local call = redis.call
local pack, take = struct.pack, struct.unpack

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local node, record, plan = ARGV[1], ARGV[2], ARGV[3]

-- all of it, unless somebody else has filled it
local all = call('HRANDFIELD', KEYS[1], FIELDS, 'WITHVALUES')

if #all == 2 * FIELDS then
    call('UNLINK', KEYS[1])
    all = {}
end

local silent = math.max(SILENT, #all / 2 * EACH)

local told, names, dropped = {}, {}, {}
local made, planned, known = now, 0, ''

for i = 1, #all, 2 do
    local name, value = all[i], all[i + 1]

    if name == '#' and #value >= 16 then
        made, planned = take('<I8I8', value)
        known = value:sub(17)

    elseif name ~= node and #name == NAME and #value == 8 + RECORD
           and math.abs(now - take('<I8', value)) <= silent
    then
        told[name] = value:sub(9)
        names[#names + 1] = name

    elseif name ~= node then
        dropped[#dropped + 1] = name
    end
end

if #dropped > 0 then
    call('HDEL', KEYS[1], unpack(dropped))
end

if #names < NODES then
    call('HSET', KEYS[1], node, pack('<I8', now) .. record)

    told[node] = record
    names[#names + 1] = node
end

table.sort(names)

if #plan > 0 and names[1] == node then
    planned, known = now, plan

elseif math.abs(now - planned) > REST then
    planned, known = now, ''
end

call('HSET', KEYS[1], '#', pack('<I8I8', made, planned) .. known)
call('PEXPIRE', KEYS[1], TTL)

local reply = { pack('<I8I8I8I8', now, made, #names, #known), known }

for _, name in ipairs(names) do
    reply[#reply + 1] = name
    reply[#reply + 1] = told[name]
end

return table.concat(reply)
