-- SPDX-License-Identifier: MIT
-- A cache never answers a call with another account's balance: the identity of
-- a request, and the keys that its answer is kept under.
local accounts = require "sandbox.accounts"
local balance = require "balance"
local core = require "balance.core"
local identities = require "balance.identity"
local variant = require "support.variant"

local function identity(config)
  return identities.of("udio", config)
end

describe("the name of a request", function()
  it("tells numbers apart to their last digit", function()
    local seen = {}
    for _, number in ipairs { 100012345670001, 100012345670002,
      9007199254740991, 9007199254740990, 0.1, 0.1 + 2 ^ -56, 1e15, 1e15 + 0.5,
      1e300, -1e300, 5e-324, math.huge, -math.huge, 0 / 0, 0, 1, -1 } do
      local name = identity { number = number }
      assert.is_nil(seen[name], tostring(number))
      seen[name] = number
    end
  end)

  it("tells integers apart that no float can hold", function()
    if math.type then
      for _, digits in ipairs { "9007199254740992", "9223372036854775806" } do
        local integer = tonumber(digits)
        assert.not_equal(identity { integer }, identity { integer + 1 })
      end
    end
  end)

  it("tells the types of values and of keys apart", function()
    local seen = {}
    for i, config in ipairs { { [1] = "x" }, { ["1"] = "x" },
      { [true] = "x" }, { ["true"] = "x" }, { x = 1 }, { x = "1" },
      { x = true }, { x = "true" }, { x = {} }, { x = "" }, { x = { {} } },
      { x = { "1" } }, { x = { ["1"] = "1" } }, { [1.5] = "x" },
      { ["1.5"] = "x" }, { [1] = "x", ["1"] = "y" },
      { [1] = "y", ["1"] = "x" } } do
      local name = identity(config)
      assert.is_nil(seen[name], ("%d is %s"):format(i, tostring(seen[name])))
      seen[name] = i
    end
  end)

  it("tells apart what is only itself, and finds it again", function()
    local one, other = function() return 1 end, function() return 2 end
    assert.equal(identity { option = one }, identity { option = one })
    assert.not_equal(identity { option = one }, identity { option = other })
    assert.not_equal(identity { option = print },
      identity { option = tostring(print) })
    local plain, more = { "x" }, setmetatable({ "x" }, { __index = { y = 1 } })
    assert.not_equal(identity { plain }, identity { more })
    assert.equal(identity { more }, identity { more })
    -- nor does a new one have the name of one whose address it has
    local seen = {}
    for _ = 1, 200 do
      local name = identity { option = function() return seen end }
      assert.is_nil(seen[name])
      seen[name] = true
      collectgarbage()
    end
  end)

  it("does not depend on the order in which a table was filled", function()
    local forth, back = {}, {}
    for i = 1, 100 do
      forth["k" .. i], back["k" .. 101 - i] = i, 101 - i
    end
    assert.equal(identity(forth), identity(back))
  end)

  it("can be that of many values", function()
    local many = {}
    for i = 1, 50000 do
      many[i] = "value"
    end
    local name = identity { many }
    many[50000] = "values"
    assert.not_equal(name, identity { many })
  end)

  -- Random options, and their neighbours: each differs in one place.
  it("is the same for equal options, and for no others", function()
    local seed = os.time() + core.random() * 1e6
    math.randomseed(math.floor(seed))
    local random = math.random

    local function number()
      local kind = random(5)
      if kind == 1 then
        return random(0, 9)
      elseif kind == 2 then
        return 100012345670000 + random(0, 9)
      elseif kind == 3 then
        return random(0, 9) / 8
      elseif kind == 4 then
        return 2 ^ random(0, 60) + random(0, 3)
      end
      return random() * 10 ^ random(-20, 20)
    end

    local function text()
      local pieces = { "", "a", "A", "1", "true", ":", "s1:a", "\n", "\0",
        "ä", "-", "number 1:1" }
      local list = {}
      for i = 1, random(0, 3) do
        list[i] = pieces[random(#pieces)]
      end
      return table.concat(list)
    end

    local function plain()
      local kind = random(3)
      return kind == 1 and number() or kind == 2 and text() or random(2) == 1
    end

    local function options(depth)
      local made = {}
      for _ = 1, random(0, 4) do
        local key = plain()
        made[key] = depth > 0 and random(3) == 1 and options(depth - 1)
          or plain()
      end
      return made
    end

    -- As Lua has it, but with types.
    local function is_same(a, b)
      if type(a) ~= type(b)
        or math.type and math.type(a) ~= math.type(b) then
        return false
      elseif type(a) ~= "table" then
        return a == b
      end
      for key, value in pairs(a) do
        if not is_same(value, b[key]) then
          return false
        end
      end
      for key in pairs(b) do
        if a[key] == nil then
          return false
        end
      end
      return true
    end

    local function copy(value)
      if type(value) ~= "table" then
        return value
      end
      local keys, copied = {}, {}
      for key in pairs(value) do
        table.insert(keys, random(#keys + 1), key)
      end
      for _, key in ipairs(keys) do
        copied[key] = copy(value[key])
      end
      return copied
    end

    local function change(value)
      local changed = copy(value)
      local key = next(changed)
      if key == nil or random(3) == 1 then
        changed[plain()] = plain()
      else
        local item = changed[key]
        changed[key] = nil
        if random(2) == 1 then
          key = type(key) == "string" and tonumber(key) or tostring(key)
        else
          item = type(item) == "number" and item * (1 + 2 ^ -52) or plain()
        end
        changed[key] = item
      end
      return changed
    end

    local seen = {}
    for _ = 1, 3000 do
      local one = options(2)
      for _, each in ipairs { one, copy(one), change(one) } do
        local name = identity(each)
        if seen[name] and not is_same(seen[name], each) then
          error(("seed %.0f: two have the name %s"):format(seed, name))
        end
        seen[name] = each
        assert(identity(copy(each)) == name,
          ("seed %.0f: equal ones have two names"):format(seed))
      end
    end
  end)
end)

describe("an option that is a number", function()
  it("makes an account of its own, to its last digit", function()
    local asked = {}
    balance.register {
      name = "numbered", unit = "credit",
      endpoint = os.getenv "UDIO_ENDPOINT",
      credentials = { { name = "api_key", variable = "UDIO_API_KEY" } },
      options = { account = "number" },
      request = function(config)
        asked[#asked + 1] = config.account
        return { path = "/api/v2/credits", authorization = config.api_key,
          scheme = "Bearer" }
      end,
      read = function(_, body)
        return { left = body.data.credits, available_from = "left" }
      end,
    }
    local client = balance.new { cache = {} }
    for i, account in ipairs { 100012345670001, 100012345670002,
      100012345670001 } do
      local result = client:numbered({ account = account })
      assert.equal(i == 3 or nil, result.cached)
    end
    assert.same({ 100012345670001, 100012345670002 }, asked)
  end)
end)

describe("a token that was refused, and another account's keys", function()
  local temporary = accounts.tencent.temporary
  local bench = accounts.tencent.bench
  local first = { secret_id = bench.secret_id, secret_key = bench.secret_key,
    token = "run-out-run-out" }
  local second = temporary

  local function new_client(credentials, settings)
    local tencent = { credentials = credentials }
    for name, value in pairs(settings or {}) do
      tencent[name] = value
    end
    return balance.new { cache = { store = balance.store.memory() },
      tencent = tencent }
  end

  it("give that account's balance, and it is kept for nobody else", function()
    local keys
    local client = new_client(function()
      local these = keys
      keys = second -- whoever asks next is the other
      return these
    end)
    keys = first
    local result = client:tencent()
    assert.equal(second.amounts.Balance, result.Balance)
    assert.equal(2, result.attempts)
    -- the first account, without that token, has a balance of its own
    keys = { secret_id = first.secret_id, secret_key = first.secret_key }
    result = client:tencent()
    assert.is_nil(result.cached)
    assert.equal(bench.amounts.Balance, result.Balance)
    -- and those who come with the refused token do not get it from a cache
    result = client:tencent({ credentials = function() return first end })
    assert.is_nil(result)
    -- while the second's is known by its own keys
    result = client:tencent({ credentials = function() return second end })
    assert.is_true(result.cached)
    assert.equal(second.amounts.Balance, result.Balance)
  end)

  it("do not answer those who ask with the old keys at the same time",
    function()
      local calls, asked = {}, 0
      for i = 1, 6 do
        calls["a" .. i] = { provider = "tencent", credentials = function()
          asked = asked + 1
          -- one of them gets new keys, the others have the old ones again
          return asked > 6 and i == 1 and second or first
        end }
      end
      local results, failures = new_client():all(calls)
      assert.equal(second.amounts.Balance, results.a1.Balance)
      for i = 2, 6 do
        assert.is_nil(results["a" .. i])
        assert.equal("AuthFailure.TokenFailure", failures["a" .. i].code)
      end
    end)

  it("count for the rate limit of the keys that were used", function()
    local counted = {}
    local dict = {
      incr = function(_, key, by, init)
        counted[key] = (counted[key] or init) + by
        return counted[key]
      end,
      get = function() end, set = function() return true end,
    }
    local keys = { first, second, second }
    local asked = 0
    local client = balance.new { rate_dict = dict,
      tencent = { rate = 20, credentials = function()
        asked = asked + 1
        return keys[asked]
      end } }
    assert.is_table(client:tencent())
    assert.is_table(client:tencent())
    local numbers = {}
    for _, number in pairs(counted) do
      numbers[#numbers + 1] = number
    end
    table.sort(numbers)
    assert.same({ 1, 2 }, numbers)
  end)

  it("leave neither token in what is stored", function()
    local stored, keys = {}, first
    local store = balance.store.memory()
    local set = store.set
    function store.set(self, key, value, exptime)
      stored[#stored + 1] = key .. value
      return set(self, key, value, exptime)
    end
    local client = balance.new { cache = { store = store }, tencent = {
      credentials = function()
        local these = keys
        keys = second
        return these
      end,
    } }
    assert.equal(second.amounts.Balance, client.tencent().Balance)
    assert.is_true(client.tencent().cached)
    for _, text in ipairs(stored) do
      assert.is_nil(text:find("run-out", 1, true))
      assert.is_nil(text:find(second.token:sub(1, 12), 1, true))
    end
  end)
end)

describe("a token that is refused while there is an old value", function()
  it("gives way to the keys that took its place, or to the old value",
    function()
      local temporary, bench = accounts.tencent.temporary,
        accounts.tencent.bench
      local good, sets, asked = true, nil, 0
      local name = variant.register("tencent", function(request, config)
        if config.token and not good then
          request.headers["X-Sandbox-Answer"] = "AuthFailure.TokenFailure"
        end
      end)
      local store = balance.store.memory()
      local get = store.get
      function store.get(self, key) -- what is stored grows old
        local text = get(self, key)
        return text and (text:gsub("\nanswer (%d+)", function(at)
          return ("\nanswer %.0f"):format(at - 100e6)
        end))
      end
      local client = balance.new { cache = { ttl = 1, store = store },
        [name] = { credentials = function()
          asked = asked + 1
          return sets[asked]
        end } }
      sets = { temporary, temporary, temporary, temporary, bench }
      assert.equal(temporary.amounts.Balance, client[name]().Balance)
      good = false
      local result = client[name]()
      assert.is_true(result.stale)
      assert.equal(temporary.amounts.Balance, result.Balance)
      assert.equal("AuthFailure.TokenFailure", result.refresh_error.code)
      result = client[name]()
      assert.is_nil(result.stale)
      assert.equal(bench.amounts.Balance, result.Balance)
      assert.equal(5, asked)
    end)
end)
