-- SPDX-License-Identifier: MIT
--
-- The keys of the role of a CVM, from Tencent's metadata service.
local balance = require "balance"
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local cvm_role = require "balance.credentials.cvm_role"
local home = require "support.home"
local kept = require "balance.credentials.kept"
local process = require "support.process"
local searching = require "support.searching"

local role_only = searching.with_sources "cvm_role"
local find = searching.find

before_each(home.make)
after_each(home.remove)

describe("the role of a CVM", function()
  local usual = { endpoint = cvm_role.endpoint, limit = cvm_role.limit }
  local servers, ports = {}, {}

  -- The endpoint of the metadata service of a machine with this role.
  local function metadata(role)
    local name = role or ""
    if not ports[name] then
      ports[name], servers[#servers + 1] =
        process.serve("metadata_server.lua", role)
    end
    return "http://127.0.0.1:" .. ports[name]
  end

  -- Sets the monotonic clock and, in the context, the system's.
  local function at(seconds)
    local function now() return seconds end
    kept.now = now
    return { now = now }
  end

  local function ask(role, now)
    return find(role_only, { { cvm_role = role } }, at(now or 1000))
  end

  local function why_not(role)
    local set, message = ask(role)
    assert.is_nil(set)
    return message:match "; also looked at the CVM role %((.*)%)$"
  end

  before_each(function()
    cvm_role.endpoint, cvm_role.limit = metadata(), 5
  end)

  after_each(function()
    cvm_role.endpoint, cvm_role.limit = usual.endpoint, usual.limit
    kept.now = core.now
  end)

  teardown(function()
    for _, server in ipairs(servers) do
      server.stop()
    end
  end)

  it("is asked of Tencent's host, for one second", function()
    assert.same({ endpoint = "http://metadata.tencentyun.com", limit = 1 },
      usual)
  end)

  it("is asked for only where an option says so", function()
    cvm_role.endpoint = "http://127.0.0.1:1"
    for _, options in ipairs { {}, { cvm_role = false } } do
      local set, message = find(role_only, { options, { cvm_role = nil } })
      assert.is_nil(set)
      assert.is_nil(message:find "CVM")
    end
    local _, message = find(role_only, { { cvm_role = false },
      { cvm_role = true } })
    assert.is_nil(message:find "CVM")
    assert.is_string(why_not(true))
  end)

  it("has an id, a key and a token of one answer", function()
    local set, place = ask "good-named"
    assert.same({ secret_id = "id-good-named-1",
      secret_key = "key-good-named-1", token = "token-good-named-1" }, set)
    assert.equal("the CVM role", place)
  end)

  it("is the machine's own, where none is named", function()
    cvm_role.endpoint = metadata "good-own\n"
    assert.equal("id-good-own-1", ask(true).secret_id)
    assert.equal("id-good-own-1", ask(true).secret_id)
    cvm_role.endpoint = metadata()
    assert.equal("no such role here", why_not(true))
    for _, name in ipairs { "../secrets", "<html>", "a/b", "\n" } do
      cvm_role.endpoint = metadata(name)
      assert.equal("the answer names no role", why_not(true))
    end
  end)

  it("comes after every other place", function()
    home.write(searching.ini, searching.complete_ini)
    local layers = { { cvm_role = "good-last" } }
    assert.equal("i", find(searching.all, layers).secret_id)
    os.remove(home.path_of(searching.ini))
    assert.equal("id-good-last-1", find(searching.all, layers).secret_id)
  end)

  it("is kept until 300 seconds are left, by its name", function()
    assert.equal("id-good-kept-1", ask("good-kept", 1000).secret_id)
    assert.equal("id-good-kept-1", ask("good-kept", 9699).secret_id)
    assert.equal("id-good-other-1", ask("good-other", 9699).secret_id)
    assert.equal("token-good-kept-2", ask("good-kept", 9700).token)
  end)

  it("is asked for again where its token was refused, but not all the time",
    function()
      local function refused(token, now)
        local context = at(now)
        context.refused = token
        return find(role_only, { { cvm_role = "good-refused" } },
          context).token
      end
      assert.equal("token-good-refused-1", refused(nil, 1000))
      assert.equal("token-good-refused-1", refused("another", 1010))
      assert.equal("token-good-refused-1",
        refused("token-good-refused-1", 1004))
      assert.equal("token-good-refused-2",
        refused("token-good-refused-1", 1005))
      assert.equal("token-good-refused-2",
        refused("token-good-refused-1", 1010))
    end)

  it("is not asked for again and again while little is left", function()
    ask("good-pause", 9700)
    assert.equal("id-good-pause-1", ask("good-pause", 9704).secret_id)
    assert.equal("id-good-pause-2", ask("good-pause", 9705).secret_id)
    assert.equal("id-good-pause-3", ask("good-pause", 9999).secret_id)
    assert.equal("id-good-pause-3", ask("good-pause", 9999.5).secret_id)
  end)

  it("that has expired when it comes is none", function()
    local set, message = ask("good-expired", 10000)
    assert.is_nil(set)
    assert.matches("the CVM role (the keys that came have expired)", message,
      1, true)
  end)

  it("expires by the clock of whoever gave it, whatever this machine's says",
    function()
      -- the answer's Date is 3600, and the keys expire at 10000
      kept.now = function() return 50 end
      local function ask_at(wall)
        return find(role_only, { { cvm_role = "dated-clock" } },
          { now = function() return wall end }).secret_id
      end
      assert.equal("id-dated-clock-1", ask_at(20000)) -- ahead
      kept.now = function() return 50 + 6400 - 301 end
      assert.equal("id-dated-clock-1", ask_at(1)) -- now it is set back
      kept.now = function() return 50 + 6400 - 300 end
      assert.equal("id-dated-clock-2", ask_at(1))
    end)

  it("is the old one where it cannot be renewed, until that expires",
    function()
      assert.equal("id-once-1", ask("once", 1000).secret_id)
      assert.equal("id-once-1", ask("once", 9800).secret_id)
      assert.equal("id-once-1", ask("once", 9999).secret_id)
      local set, message = ask("once", 10000)
      assert.is_nil(set)
      assert.matches("the CVM role (HTTP status 500)", message, 1, true)
    end)

  it("is asked for once by all who ask at that moment", function()
    local found, asking = {}, {}
    for i = 1, 5 do
      asking[i] = function() found[i] = ask("late-together").secret_id end
    end
    blocking.gather(asking)
    for i = 1, 5 do
      assert.equal("id-late-together-1", found[i])
    end
    assert.equal("id-late-together-2", ask("late-together", 9700).secret_id)
  end)

  it("that is not well answered is none, and the message has no part of it",
    function()
      for role, why in pairs {
        failed = "the answer is no success", page = "the answer is no success",
        anonymous = "the answer is not complete",
        keyless = "the answer is not complete",
        tokenless = "the answer is not complete",
        endless = "the answer is not complete",
        dirty = "the answer is not complete",
        unknown = "no such role here",
      } do
        assert.equal(why, why_not(role))
      end
      cvm_role.endpoint = "http://127.0.0.1:1"
      assert.matches("127.0.0.1", why_not "good", 1, true)
    end)

  it("must have a role's name", function()
    cvm_role.endpoint = "http://127.0.0.1:1"
    for _, name in ipairs { "", "..", ".", "a/b", "../x", "a b", "a?b", "a#",
      "a%2f", "a\r\nb", "a\0" } do
      assert.equal("that is no role's name", why_not(name))
    end
  end)

  it("has its time, and no more", function()
    cvm_role.limit = 0.2
    local start = core.now()
    assert.is_string(why_not "silent")
    assert.is_true(core.now() - start < 3)
    -- the limit is for both requests together
    cvm_role.endpoint = metadata "late-own"
    assert.is_string(why_not(true))
    cvm_role.limit = 5
    assert.is_table(ask(true))
  end)

  it("is asked for through no proxy", function()
    local output, status = process.run_lua([[
      local credentials = require "balance.credentials"
      require("balance.credentials.cvm_role").endpoint = arg[1]
      local set, message = credentials.find({
        credentials = { { name = "secret_id" } },
        credential_sources = { "cvm_role" },
      }, { { cvm_role = "dated-direct", proxy = "http://127.0.0.1:1" } })
      io.write(set and set.secret_id or message)
    ]], "http_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1",
      metadata())
    assert.equal(0, status, output)
    assert.equal("id-dated-direct-1", output)
  end)
end)

describe("Tencent's metadata service", function()
  local metadata = "http://metadata.tencentyun.com"

  it("gets no request but that of the machine's role", function()
    balance.register {
      name = "keyless_spec", unit = "credit", endpoint = metadata,
      credentials = { { name = "api_key" } },
      options = { clear_host = "string" },
      request = function(config)
        return { path = "/?key=" .. config.api_key,
          clear_host = config.clear_host }
      end,
      read = function() return { available_from = "x", x = 1 } end,
    }
    local result, err = balance.keyless_spec { api_key = "a-key",
      clear_host = "metadata.tencentyun.com" }
    assert.is_nil(result)
    assert.equal("the provider's request() returned an unknown field"
      .. " 'clear_host'", err.message)
    result, err = balance.keyless_spec { api_key = "a-key" }
    assert.is_nil(result)
    assert.equal("config", err.kind)
    assert.equal("endpoint: http:// is for loopback addresses only, use "
      .. "https://", err.message)
    for _, name in ipairs { "udio", "tempolor", "tencent" } do
      err = select(2, balance[name] { endpoint = metadata })
      assert.equal("config", err.kind)
    end
    local transfer, kind = core.transport():start { endpoint = metadata,
      path = "/", timeout = 5, connect_timeout = 5 }
    assert.is_nil(transfer)
    assert.equal("config", kind)
  end)
end)
