-- SPDX-License-Identifier: MIT
--
-- The keys of a role that is assumed with other keys: where it is named, how
-- long its keys are kept, and what is said where it cannot be assumed.
local assumed_role = require "balance.credentials.assumed_role"
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local credentials = require "balance.credentials"
local cvm_role = require "balance.credentials.cvm_role"
local faults = require "support.faults"
local home = require "support.home"
local kept = require "balance.credentials.kept"
local process = require "support.process"
local tencent = require "balance.provider.tencent"

local sts, server

local function arn(role)
  return "qcs::cam::uin/1000:roleName/" .. role
end

-- A search with Tencent's sources, in an environment of the spec's own.
-- `changes` replace fields of the context.
local function find(options, variables, changes)
  variables = variables or {}
  variables.TENCENT_STS_ENDPOINT = variables.TENCENT_STS_ENDPOINT or sts
  local context = {
    loop = blocking, home = home.path,
    now = function() return 1000 end,
    getenv = function(name) return variables[name] end,
  }
  for name, value in pairs(changes or {}) do
    context[name] = value
  end
  return credentials.find(tencent, { options or {} }, context,
    changes and changes.config)
end

local function of_environment(role, changes, session)
  return find({}, {
    TENCENTCLOUD_SECRET_ID = "base-id", TENCENTCLOUD_SECRET_KEY = "base-key",
    TENCENTCLOUD_ROLE_ARN = arn(role),
    TENCENTCLOUD_ROLE_SESSION_NAME = session,
  }, changes)
end

local function profile(text)
  home.write(".tccli/default.credential", text)
end

local function keys_of(role, number)
  local name = role .. "-" .. (number or 1)
  return { secret_id = "id-" .. name, secret_key = "key-" .. name,
    token = "token-" .. name }
end

local function asked(role)
  local text = faults.fetch("/asked", { endpoint = sts }).body
  return tonumber(("\n" .. text):match("\n" .. role:gsub("%p", "%%%0")
    .. " (%d+)") or 0)
end

setup(function()
  local port
  port, server = process.serve "sts_server.lua"
  sts = "http://127.0.0.1:" .. port
end)

teardown(function()
  server.stop()
end)

before_each(home.make)

after_each(function()
  kept.now, assumed_role.limit = core.now, 5
  home.remove()
end)

describe("a role beside the keys", function()
  it("of tccli's profile is assumed with them", function()
    profile(('{"secretId":"i","secretKey":"k","role-arn":"%s",'
      .. '"role-session-name":"me"}'):format(arn "good-tccli"))
    local set, place = find()
    assert.same(keys_of "good-tccli", set)
    assert.equal("~/.tccli/default.credential, with the role "
      .. arn "good-tccli", place)
  end)

  it("may go without a name for its session, and then is still assumed",
    function()
      for i, rest in ipairs { "", ',"role-session-name":null',
        ',"role-session-name":""' } do
        local role = "good-unnamed" .. i
        profile(('{"secretId":"i","secretKey":"k","role-arn":" %s\\n"%s}')
          :format(arn(role), rest))
        assert.same(keys_of(role), (find()))
      end
    end)

  it("that is null or empty is none", function()
    for _, role in ipairs { "null", '""', '" "' } do
      profile(('{"secretId":"i","secretKey":"k","role-arn":%s,'
        .. '"role-session-name":"me"}'):format(role))
      assert.same({ secret_id = "i", secret_key = "k" }, (find()))
    end
  end)

  it("of the environment is assumed with the environment's", function()
    assert.same(keys_of "good-env", (of_environment "good-env"))
    assert.same(keys_of "good-named",
      (of_environment("good-named", nil, " my.session\r")))
    assert.same(keys_of "good-platform", (find({}, {
      TENCENTCLOUD_SECRETID = "i", TENCENTCLOUD_SECRETKEY = "k",
      TENCENTCLOUD_SESSIONTOKEN = "t",
      TENCENTCLOUD_ROLE_ARN = arn "good-platform",
    })))
    assert.same({ secret_id = "i", secret_key = "k" }, (find({}, {
      TENCENTCLOUD_SECRET_ID = "i", TENCENTCLOUD_SECRET_KEY = "k",
      TENCENTCLOUD_ROLE_ARN = "\r", TENCENTCLOUD_ROLE_SESSION_NAME = "me",
    })))
  end)

  it("of the environment is assumed with a file's, unless an option names it",
    function()
      local variables = { TENCENTCLOUD_ROLE_ARN = arn "good-over" }
      profile(('{"secretId":"i","secretKey":"k","role-arn":"%s"}')
        :format(arn "good-under"))
      assert.same(keys_of "good-over", (find({}, variables)))
      assert.same(keys_of "good-under",
        (find({ profile = "default" }, variables)))
      home.write(".tencentcloud/credentials",
        "[default]\nsecret_id = i\nsecret_key = k\n")
      assert.equal("id-good-over-1", find({}, variables).secret_id)
      assert.equal("i", find({ profile = "default" }, variables).secret_id)
      assert.equal("i", find({ credentials_file =
        home.path_of ".tencentcloud/credentials" }, variables).secret_id)
    end)

  it("of the SDKs' file is assumed with its keys", function()
    home.write(".tencentcloud/credentials", ("[default]\nsecret_id = i\n"
      .. "secret_key = k\nrole_arn = %s\nrole_session_name = me\n")
      :format(arn "good-ini"))
    assert.same(keys_of "good-ini", (find()))
  end)

  it("is no concern of keys that are options", function()
    assert.same({ secret_id = "i", secret_key = "k" },
      (find({ secret_id = "i", secret_key = "k" },
        { TENCENTCLOUD_ROLE_ARN = arn "absent" })))
  end)

  it("is asked of the site's own host, and of no other", function()
    local started = {}
    local transport = getmetatable(core.transport())
    assert.equal("balance.transport", transport)
    local real = core.transport
    core.transport = function()
      return { start = function(_, request)
        started[#started + 1] = request.endpoint
        return nil, "connect", "nobody there"
      end }
    end
    finally(function() core.transport = real end)
    for _, site in ipairs { false, "intl", "cn" } do
      find({}, { TENCENTCLOUD_SECRET_ID = "i", TENCENTCLOUD_SECRET_KEY = "k",
        TENCENTCLOUD_ROLE_ARN = arn "good", TENCENT_STS_ENDPOINT = "\r" },
        { config = { site = site or nil } })
    end
    assert.same({ "https://sts.intl.tencentcloudapi.com",
      "https://sts.intl.tencentcloudapi.com",
      "https://sts.tencentcloudapi.com" }, started)
  end)
end)

describe("the keys of an assumed role", function()
  it("are kept until 300 seconds are left, by the keys, role and session",
    function()
      kept.now = function() return 1000 end
      assert.same(keys_of "good-kept", (of_environment "good-kept"))
      assert.same(keys_of "good-kept", (of_environment "good-kept"))
      assert.same(keys_of("good-kept", 2),
        (of_environment("good-kept", nil, "other")))
      local other = { TENCENTCLOUD_SECRET_ID = "base-id",
        TENCENTCLOUD_SECRET_KEY = "base-key2",
        TENCENTCLOUD_ROLE_ARN = arn "good-kept" }
      assert.same(keys_of("good-kept", 3), (find({}, other)))
      kept.now = function() return 9699 end
      assert.same(keys_of "good-kept", (of_environment "good-kept"))
      kept.now = function() return 9700 end
      assert.same(keys_of("good-kept", 4), (of_environment "good-kept"))
    end)

  it("expire by the service's clock, whatever this machine's says", function()
    kept.now = function() return 50 end
    local function at(wall)
      return of_environment("dated-clock",
        { now = function() return wall end })
    end
    assert.same(keys_of "dated-clock", (at(20000))) -- hours ahead
    kept.now = function() return 50 + 6400 - 301 end
    assert.same(keys_of "dated-clock", (at(1)))
    kept.now = function() return 50 + 6400 - 300 end
    assert.same(keys_of("dated-clock", 2), (at(1)))
  end)

  it("are asked for again where their token was refused", function()
    kept.now = function() return 1000 end
    of_environment "good-refused"
    local refused = { refused = "token-good-refused-1" }
    assert.same(keys_of "good-refused",
      (of_environment("good-refused", refused)))
    kept.now = function() return 1005 end
    assert.same(keys_of("good-refused", 2),
      (of_environment("good-refused", refused)))
  end)

  it("are the old ones where they cannot be renewed, until they expire",
    function()
      kept.now = function() return 1000 end
      of_environment "once-old"
      kept.now = function() return 9999 end
      assert.same(keys_of "once-old", (of_environment "once-old"))
      kept.now = function() return 10000 end
      assert.is_nil((of_environment "once-old"))
    end)

  it("are asked for once by all who ask at that moment", function()
    local found, asking = {}, {}
    for i = 1, 5 do
      asking[i] = function() found[i] = of_environment "late-together" end
    end
    blocking.gather(asking)
    for i = 1, 5 do
      assert.same(keys_of "late-together", found[i])
    end
    assert.equal(1, asked "late-together")
  end)
end)

describe("a role that cannot be assumed", function()
  local function failure_of(role, changes)
    local set, message, about = of_environment(role, changes)
    assert.is_nil(set)
    return message, about
  end

  it("ends the search, and says which role and why", function()
    profile '{"secretId":"i","secretKey":"k"}' -- the next source
    local message, about = failure_of "forbidden"
    assert.equal("the role " .. arn "forbidden" .. " of the environment cannot"
      .. " be assumed: no CAM permission", message)
    assert.same({ kind = "auth", code = "UnauthorizedOperation", status = 200,
      message = "no CAM permission", request_id = "r-1",
      hint = "the key needs the CAM action sts:AssumeRole" }, about)
    message, about = failure_of "absent"
    assert.matches("role not exist", message, 1, true)
    assert.equal("api", about.kind)
    assert.matches("this site does not know the key",
      select(2, failure_of "unknown").hint, 1, true)
  end)

  it("fails as what happened", function()
    for role, kind in pairs {
      page = "http", anonymous = "decode", keyless = "decode",
      tokenless = "decode", endless = "decode", expired = "config",
    } do
      local message, about = failure_of(role)
      assert.equal(kind, about.kind)
      assert.matches(arn(role), message, 1, true)
    end
    local _, message, about = find({}, { TENCENTCLOUD_SECRET_ID = "i",
      TENCENTCLOUD_SECRET_KEY = "k", TENCENTCLOUD_ROLE_ARN = arn "good",
      TENCENT_STS_ENDPOINT = "http://127.0.0.1:1" })
    assert.equal("connect", about.kind)
    assert.matches(arn "good", message, 1, true)
    _, _, about = find({}, { TENCENTCLOUD_SECRET_ID = "i",
      TENCENTCLOUD_SECRET_KEY = "k", TENCENTCLOUD_ROLE_ARN = arn "good",
      TENCENT_STS_ENDPOINT = "http://sts.example.com" })
    assert.equal("config", about.kind)
  end)

  it("is not waited for without end", function()
    assumed_role.limit = 0.2
    local started = core.now()
    local _, about = failure_of "silent"
    assert.equal("timeout", about.kind)
    assert.is_true(core.now() - started < 4)
  end)

  it("shows nothing of the keys that asked, even where it is all sent back",
    function()
      local message = select(2, find({}, {
        TENCENTCLOUD_SECRET_ID = "AKIDs3cr3tid",
        TENCENTCLOUD_TOKEN = "s3cr3tt",
        TENCENTCLOUD_SECRET_KEY = "s3cr3tk",
        TENCENTCLOUD_ROLE_ARN = arn "echo",
      }))
      assert.matches("AssumeRole", message, 1, true)
      assert.is_nil(message:find "s3cr3t")
      assert.is_nil(message:find("%x" .. ("%x"):rep(16)))
    end)

  it("is one whose name or session nobody could have given", function()
    for _, role in ipairs { '"', "\\", "\1", "a b", "\195\164",
      ("x"):rep(300) } do
      local message, about = failure_of(role)
      assert.equal("the environment: the role's ARN is none", message)
      assert.same({ kind = "config" }, about)
    end
    for _, session in ipairs { "x", '"x"', "a b", "a/b", ("x"):rep(129) } do
      local set, message, about = of_environment("good", nil, session)
      assert.is_nil(set)
      assert.matches("the name of the role's session", message, 1, true)
      assert.same({ kind = "config" }, about)
    end
    for _, value in ipairs { "5", "{}", "false", "[]" } do
      profile(('{"secretId":"i","secretKey":"k","role-arn":%s}'):format(value))
      local set, _, about = find()
      assert.is_nil(set)
      assert.equal("config", about.kind)
    end
  end)
end)

describe("tccli's profile of a machine's role", function()
  local usual = cvm_role.endpoint
  local machine

  after_each(function()
    cvm_role.endpoint = usual
    if machine then
      machine.stop()
      machine = nil
    end
  end)

  it("asks the machine, and never takes the keys beside it", function()
    local port
    port, machine = process.serve("metadata_server.lua", "dated-machine")
    cvm_role.endpoint = "http://127.0.0.1:" .. port
    for _, text in ipairs {
      '{"type":"cvm-role"}',
      '{"type":"cvm-role","secretId":"i","secretKey":"k"}',
    } do
      profile(text)
      local set, place = find()
      assert.same(keys_of "dated-machine", set)
      assert.equal("~/.tccli/default.credential, with the CVM role", place)
    end
  end)

  it("fails where the machine does not answer", function()
    cvm_role.endpoint = "http://127.0.0.1:1"
    profile '{"type":"cvm-role","secretId":"i","secretKey":"k"}'
    local set, message, about = find()
    assert.is_nil(set)
    assert.matches("^the CVM role of ~/.tccli/default.credential: ", message)
    assert.equal("connect", about.kind)
  end)

  it("of another type is not", function()
    for _, kind in ipairs { '"default"', "5", "null" } do
      profile(('{"type":%s,"secretId":"i","secretKey":"k"}'):format(kind))
      assert.equal("i", find().secret_id)
    end
  end)
end)
