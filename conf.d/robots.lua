-- Robots that say so, or give themselves away.
--
-- A clever one does neither: this is what is cheap to turn away first. The
-- word of a refusal stands in the log, and in $admission_word.

local tools = { 'curl/', 'wget/', 'python-requests/', 'scrapy/', 'go-http-client/' }

return function(request)
    local agent = (request.headers['user-agent'] or ''):lower()

    -- our own monitoring, which comes from inside and says its name
    if request.remote_addr:find('^10%.0%.9%.') and agent:find('^probe/') then
        return { class = 'probe', bypass = true }
    end

    if agent == '' then
        return { refuse = { reason = 'no-agent' } }
    end

    for i = 1, #tools do
        if agent:find(tools[i], 1, true) then
            return { class = 'tool', refuse = { status = 429, reason = 'tool', retry = 60 } }
        end
    end

    -- every browser says which languages its user reads
    if agent:find('mozilla/', 1, true) and not request.headers['accept-language'] then
        return { class = 'robot', priority = 9 }
    end
end
