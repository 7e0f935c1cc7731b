-- SPDX-License-Identifier: MIT
--
-- A NAT, a VPN or a load balancer forgets a connection and tells neither side:
-- the client keeps it, and nothing ever comes over it again. That looks like a
-- slow service, so both are tried here. The times are bounds that a busy
-- machine keeps too; the trace and the server's counts show what a call did.
local process = require "support.process"
local silence = require "support.silence"

local new_client = silence.new_client
local ask, ask_many = silence.ask, silence.ask_many
local forget, names, requests = silence.forget, silence.names, silence.requests

-- Under valgrind a handshake takes a tenth of a second or more.
local is_slow = process.lua:find "^valgrind" ~= nil

before_each(silence.begin)
after_each(silence.finish)

for _, protocol in ipairs { "plain", "tls", "http2" } do
  describe("a kept connection that died in silence, over " .. protocol
    .. " #transport", function()
    -- Longer than a second, when the second request goes out.
    local slow = protocol == "tls" and 3000 or 1600

    -- Tried a few times, as the machine may be busy.
    local function in_time(name, body)
      if is_slow and protocol ~= "plain" then
        return
      end
      it(name, function()
        for _ = 1, 4 do
          if pcall(body) then
            return
          end
          silence.finish()
          silence.begin()
        end
        body()
      end)
    end

    it("costs a second request over a new one", function()
      local client, events = new_client(protocol)
      ask(client)
      silence.tell "silent"
      forget(events)
      local before = requests()
      local result = ask(client)
      assert.equal(2, result.attempts)
      assert.equal(before + 2, requests())
      assert.equal("hedge attempt", names(events))
      local hedge, attempt = events[1], events[2]
      assert.equal(2, hedge.attempt)
      assert.equal(silence.endpoint(protocol), hedge.endpoint)
      assert.is_true(hedge.wait >= 0.4)
      assert.equal(2, attempt.attempt)
      assert.is_false(attempt.reused)
      silence.await_open(1)
      assert.equal(1, ask(client).attempts)
    end)

    it("is answered without retries, too", function()
      local client = new_client(protocol, { retries = 0 })
      ask(client)
      silence.tell "silent"
      assert.equal(2, ask(client).attempts)
      assert.equal(1, ask(client).attempts)
    end)

    it("is not met again, nor are those that are as old", function()
      local client, events = new_client(protocol)
      assert.equal(3, ask_many(client, 3))
      silence.tell "silent"
      assert.equal(2, ask(client).attempts)
      silence.await_open(1)
      local before = requests()
      forget(events)
      assert.equal(1, ask(client).attempts)
      assert.equal(3, ask_many(client, 3))
      assert.equal(before + 4, requests())
      assert.is_nil(names(events):find "hedge")
    end)

    it("stops none of many calls at once", function()
      local client = new_client(protocol)
      ask_many(client, 20)
      local before, open = silence.tell "silent"
      local attempts = ask_many(client, 20)
      assert.is_true(attempts > 20 and attempts <= 40, attempts)
      assert.equal(20, ask_many(client, 20))
      if protocol == "http2" then -- they share one connection
        assert.is_true(silence.tell "count" <= before + 2)
        assert.equal(1, open)
      end
    end)

    it("is answered where the service is slow as well", function()
      local client, events = new_client(protocol, { timeout = 10 })
      ask(client)
      silence.tell "silent"
      silence.tell("wait", slow)
      forget(events)
      assert.equal(2, ask(client).attempts)
      assert.is_false(events[2].reused)
    end)

    it("is told from a service that is slow: that answers first", function()
      local client, events = new_client(protocol, { timeout = 10 })
      local first = ask(client)
      silence.tell("wait", slow)
      forget(events)
      local result = ask(client)
      assert.equal(first.available, result.available) -- the same number
      assert.equal(2, result.attempts)
      assert.equal("hedge attempt", names(events))
      assert.equal(2, events[1].attempt)
      assert.equal(1, events[2].attempt)
      assert.is_true(events[2].reused)
      silence.tell("wait", 0)
      if protocol ~= "http2" then -- in HTTP/2 only the stream ends
        silence.await_open(1)
      end
      assert.equal(first.available, ask(client).available)
    end)

    in_time("is nothing new where the last answer took as long", function()
      local client, events = new_client(protocol, { timeout = 4, retries = 0 })
      silence.tell("wait", 400)
      ask(client)
      silence.tell("wait", 1100)
      forget(events)
      assert.equal(1, ask(client).attempts) -- 3 * 400 ms have not passed
      assert.equal("attempt", names(events))
    end)

    in_time("has one second request, whatever comes of it", function()
      local client, events = new_client(protocol, { timeout = 1.6 })
      ask(client)
      silence.tell("silent", 1)
      forget(events)
      local result, err = client:udio()
      assert.is_nil(result)
      assert.equal("timeout", err.kind)
      assert.equal(4, err.attempts)
      assert.equal("hedge attempt retry attempt retry attempt", names(events))
      assert.is_false(events[4].reused)
      assert.is_false(events[6].reused)
      silence.await_open(0)
    end)

    it("waits on where the second request fails", function()
      local client, events = new_client(protocol)
      local first = ask(client)
      silence.tell("wait", 1200)
      silence.tell("refuse", 1)
      forget(events)
      local result = ask(client)
      assert.equal(first.available, result.available)
      assert.equal(2, result.attempts)
      assert.equal("hedge attempt", names(events))
      assert.is_true(events[2].reused)
      silence.await_open(1)
    end)

    it("fails as the second request did where neither is answered", function()
      local client = new_client(protocol, { timeout = 1, retries = 0 })
      ask(client)
      silence.tell "silent"
      silence.tell("refuse", 1)
      local result, err = client:udio()
      assert.is_nil(result)
      assert.equal("network", err.kind)
      assert.equal(2, err.attempts)
      silence.await_open(0)
    end)

    in_time("is left by a retry where there is no time for both", function()
      local client, events = new_client(protocol, { timeout = 0.36 })
      ask_many(client, 3)
      silence.tell "silent"
      forget(events)
      assert.equal(2, ask(client).attempts)
      assert.equal("attempt retry attempt", names(events))
      assert.is_true(events[1].reused)
      assert.is_false(events[3].reused)
      silence.await_open(1)
      assert.equal(1, ask(client).attempts)
    end)

    in_time("is answered within half a second", function()
      for retries = 0, 2 do
        local client = new_client(protocol,
          { timeout = 0.5, retries = retries })
        ask(client, { timeout = 4 })
        silence.tell "silent"
        assert.equal(2, ask(client).attempts)
      end
    end)

    for _, fate in ipairs { "reset", "close" } do
      it("takes those along that are as old where it ends by a " .. fate,
        function()
          local client, events = new_client(protocol, { retries = 0 })
          ask_many(client, 3)
          silence.tell(fate)
          forget(events)
          assert.equal(1, ask(client).attempts)
          assert.is_false(events[1].reused)
          if protocol ~= "http2" then -- libcurl may close the new one as well
            silence.await_open(1)
          end
          assert.equal(1, ask(client).attempts)
        end)
    end
  end)
end
