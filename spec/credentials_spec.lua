-- SPDX-License-Identifier: MIT
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local credentials = require "balance.credentials"
local cvm_role = require "balance.credentials.cvm_role"
local kept = require "balance.credentials.kept"
local process = require "support.process"

-- The credentials of the specs' providers, like Tencent's and Udio's.
local names = {
  { name = "secret_id", variable = "SPEC_ID" },
  { name = "secret_key", variable = "SPEC_KEY" },
  { name = "token", variable = "SPEC_TOKEN", optional = true },
}
local plain = { name = "plain", credentials = names }
local single = {
  name = "single",
  credentials = { { name = "api_key", variable = "SPEC_API_KEY" } },
}

local function with_sources(...)
  return { name = "sourced", credentials = names,
    credential_sources = { ... } }
end

local tencent_file = with_sources "tencent_file"
local tccli_file = with_sources "tccli_file"
local role_only = with_sources "cvm_role"
local all = with_sources("tencent_file", "tccli_file", "cvm_role")

local home -- the user's directory

local function write(path, text)
  process.write(home .. "/" .. path, text)
end

-- A search in an environment of the spec's own. `changes` replace fields of
-- the context.
local function find(provider, layers, changes)
  local context = {
    loop = blocking,
    now = function() return 1000 end,
    read_file = function(path, most)
      local text, mode = core.read_file(path, most)
      return text, text and 384 or mode
    end,
    getenv = function() end,
    home = home,
  }
  for name, value in pairs(changes or {}) do
    context[name] = value
  end
  return credentials.find(provider, layers or {}, context)
end

local function environment(variables)
  return { getenv = function(name) return variables[name] end }
end

local ini = ".tencentcloud/credentials"
local complete_ini = "[default]\nsecret_id = i\nsecret_key = k\n"

-- The keys of a credentials file, or nil and why there are none.
local function of_ini(text, options, variables)
  write(ini, text)
  local set, message = find(tencent_file, { options },
    environment(variables or {}))
  return set, message:match "also looked at ~/%.tencentcloud/%l+ (%b())"
end

before_each(function()
  home = os.tmpname()
  os.remove(home)
  local _, status = process.run("umask 077; mkdir -p " .. home
    .. "/.tencentcloud " .. home .. "/.tccli")
  assert.equal(0, status)
end)

after_each(function()
  process.run("rm -r " .. process.quote(home))
end)

describe("the keys of a call", function()
  it("are the options', the call's before the client's", function()
    local set, place = find(plain, {
      { secret_id = "i", secret_key = "k" },
      { secret_id = "I", secret_key = "K", token = "T" },
    })
    assert.same({ secret_id = "i", secret_key = "k" }, set)
    assert.equal("options", place)
    set = find(plain, { { timeout = 5 },
      { secret_id = "I", secret_key = "K", token = "T", region = "r" } })
    assert.same({ secret_id = "I", secret_key = "K", token = "T" }, set)
  end)

  it("are from one place, all together", function()
    for _, layers in ipairs {
      { { secret_id = "i" }, { secret_id = "I", secret_key = "K" } },
      { {}, { token = "t", secret_id = "i" } },
      { { secret_id = "i", secret_key = " " } },
    } do
      local set, message = find(plain, layers,
        environment { SPEC_ID = "i", SPEC_KEY = "k" })
      assert.is_nil(set)
      assert.equal("'secret_key' is missing or empty: "
        .. "keys are taken from one place, "
        .. "all together", message)
    end
    local set = find(plain, { { secret_id = "i", secret_key = "k" } },
      environment { SPEC_TOKEN = "of another" })
    assert.is_nil(set.token)
  end)

  it("are trimmed, and have no control character inside", function()
    local set = find(plain, { { secret_id = " i\r\n", secret_key = "\tk " } })
    assert.same({ secret_id = "i", secret_key = "k" }, set)
    for _, character in ipairs { "\r\n", "\t", "\0", "\127" } do
      local message
      set, message = find(plain, { { secret_id = "s3cr3t" .. character .. "x",
        secret_key = "k" } })
      assert.is_nil(set)
      assert.equal("'secret_id' has a control character", message)
    end
  end)

  it("are the environment's where no option has one", function()
    local set, place = find(plain, { {} },
      environment { SPEC_ID = " i ", SPEC_KEY = "k", SPEC_TOKEN = "" })
    assert.same({ secret_id = "i", secret_key = "k" }, set)
    assert.equal("environment", place)
  end)

  it("may be in one of two sets of variables, which are never mixed",
    function()
      local two = { name = "two", credentials = {
        { name = "secret_id", variable = { "SPEC_ID", "OTHER_ID" } },
        { name = "secret_key", variable = { "SPEC_KEY", "OTHER_KEY" } },
        { name = "token", variable = { "SPEC_TOKEN", "OTHER_TOKEN" },
          optional = true },
      } }
      local first = { secret_id = "i", secret_key = "k" }
      local second = { secret_id = "I", secret_key = "K", token = "T" }
      for _, case in ipairs {
        { first, { SPEC_ID = "i", SPEC_KEY = "k", OTHER_TOKEN = "T" } },
        { first, { SPEC_ID = "i", SPEC_KEY = "k", OTHER_ID = "I",
          OTHER_KEY = "K", OTHER_TOKEN = "T" } },
        { second, { OTHER_ID = "I", OTHER_KEY = "K", OTHER_TOKEN = "T" } },
        { second, { OTHER_ID = "I", OTHER_KEY = "K", OTHER_TOKEN = "T",
          SPEC_TOKEN = "t" } },
        { second, { OTHER_ID = "I", OTHER_KEY = "K", OTHER_TOKEN = "T",
          SPEC_ID = "i", SPEC_KEY = "\r" } },
      } do
        assert.same(case[1], (find(two, {}, environment(case[2]))))
      end
      local set, message = find(two, {}, environment { SPEC_ID = "s3cr3t",
        OTHER_KEY = "s3cr3t", OTHER_TOKEN = "s3cr3t" })
      assert.is_nil(set)
      assert.equal("no key: give secret_id and secret_key, or set SPEC_ID and "
        .. "SPEC_KEY in the environment (SPEC_KEY is missing or empty, "
        .. "OTHER_ID is missing or empty)", message)
    end)

  it("are none where a provider needs none", function()
    assert.same({}, (find({ name = "open", credentials = {} }, { {} })))
  end)

  it("are looked for in the real environment by themselves", function()
    local output, status = process.run_lua([[
      local credentials = require "balance.credentials"
      local set, place = credentials.find({
        credentials = { { name = "key", variable = "SPEC_KEY" } },
      }, {})
      io.write(set.key, " ", place)
      local _, message = credentials.find({
        credentials = { { name = "key" } },
        credential_sources = { "tccli_file" },
      }, {})
      io.write("|", message)
    ]], "env -u TCCLI_PROFILE HOME=/no/such SPEC_KEY=k")
    assert.equal(0, status, output)
    assert.equal("k environment|no key: give key; also looked at "
      .. "~/.tccli/default.credential (not there)", output)
  end)
end)

describe("a call without keys", function()
  it("says what was looked at, in order", function()
    local _, message = find(single)
    assert.equal("no key: give api_key, or set SPEC_API_KEY in the "
      .. "environment", message)
    _, message = find(all, { { cvm_role = "no/role" } })
    assert.equal("no key: give secret_id and secret_key, or set SPEC_ID and "
      .. "SPEC_KEY in the environment; also looked at "
      .. "~/.tencentcloud/credentials (not there), "
      .. "/etc/tencentcloud/credentials (not there), "
      .. "~/.tccli/default.credential (not there), "
      .. "the CVM role (that is no role's name)", message)
    _, message = find(all, {}, { home = false })
    assert.matches("~/.tencentcloud/credentials (HOME is not set)", message, 1,
      true)
    assert.matches("~/.tccli/default.credential (HOME is not set)", message, 1,
      true)
    assert.is_nil(message:find "CVM") -- the option is not given
  end)

  it("says what the environment lacks", function()
    local _, message = find(plain, {}, environment { SPEC_KEY = "s3cr3t" })
    assert.equal("no key: give secret_id and secret_key, or set SPEC_ID and "
      .. "SPEC_KEY in the environment (SPEC_ID is missing or empty)", message)
    _, message = find(plain, {}, environment { SPEC_KEY = "s3cr\n3t" })
    assert.matches("(SPEC_KEY has a control character)", message, 1, true)
    _, message = find(plain, {}, environment { SPEC_ID = "s3cr3t",
      SPEC_KEY = "k", SPEC_TOKEN = "s3cr\0003t" })
    assert.matches("(SPEC_TOKEN has a control character)", message, 1, true)
  end)

  it("says it in one line, without a value", function()
    local s3cr3t = "s3cr3t"
    write(ini, "[default]\nsecret_id = s3cr3t\n")
    write(".tccli/default.credential", '{"secretKey":"s3cr3t"}')
    local _, message = find(all, { { cvm_role = s3cr3t .. "/" } },
      environment { SPEC_ID = s3cr3t, TENCENTCLOUD_PROFILE = s3cr3t })
    assert.is_nil(message:find(s3cr3t, 1, true))
    assert.is_nil(message:find "%c")
  end)
end)

describe("a function for credentials", function()
  local function current(first, second)
    return { credentials = function() return first, second end }
  end

  it("gives the current ones at each call", function()
    local count = 0
    local layer = { credentials = function()
      count = count + 1
      return { secret_id = "i" .. count, secret_key = " k\n", other = "x" }
    end }
    local set, place = find(plain, { {}, layer },
      environment { SPEC_ID = "i", SPEC_KEY = "k", SPEC_TOKEN = "t" })
    assert.same({ secret_id = "i1", secret_key = "k" }, set)
    assert.equal("credentials", place)
    assert.equal("i2", find(plain, { layer }).secret_id)
  end)

  it("of the call wins over the client's keys, and keys over it", function()
    local keys = { secret_id = "i", secret_key = "k" }
    local layer = current { secret_id = "vault", secret_key = "k" }
    assert.equal("vault", find(plain, { layer, keys }).secret_id)
    assert.equal("i", find(plain, { keys, layer }).secret_id)
    layer.secret_id, layer.secret_key = "i", "k"
    assert.equal("i", find(plain, { layer }).secret_id)
  end)

  it("that has none ends the search", function()
    for _, case in ipairs {
      { current(nil, "Vault is\nsealed"), "Vault is sealed" },
      { current(nil), "it returned no keys" },
      { current {}, "it returned no keys" },
      { current("s3cr3t"), "it returned no keys" },
      { current { secret_id = "i" }, "'secret_key' is missing or empty: "
        .. "keys are taken "
        .. "from one place, all together" },
      { current { secret_id = "i", secret_key = "s3c\nr3t" },
        "'secret_key' has a control character" },
      { current { secret_id = "i", secret_key = 5 },
        "'secret_key' is a number, not a string" },
    } do
      local set, message = find(plain, { case[1] },
        environment { SPEC_ID = "i", SPEC_KEY = "k" })
      assert.is_nil(set)
      assert.equal("option 'credentials': " .. case[2], message)
    end
  end)

  it("may raise, which goes through", function()
    local mistake = {}
    local ok, raised = pcall(find, plain,
      { { credentials = function() error(mistake) end } })
    assert.is_false(ok)
    assert.equal(mistake, raised)
  end)
end)

describe("the credentials file of the SDKs", function()
  it("has a section for each profile", function()
    local text = complete_ini .. "[ prod ]\nsecret_id=I\nsecret_key=K\n"
      .. "token=T\n[default]\n\n"
    assert.same({ secret_id = "i", secret_key = "k" }, (of_ini(text)))
    local prod = { secret_id = "I", secret_key = "K", token = "T" }
    assert.same(prod, (of_ini(text, { profile = "prod" })))
    assert.same(prod, (of_ini(text, {}, { TENCENTCLOUD_PROFILE = "prod" })))
    assert.equal("i", of_ini(text, { profile = "default" },
      { TENCENTCLOUD_PROFILE = "prod" }).secret_id)
    assert.equal("i", of_ini(text, { profile = "" },
      { TENCENTCLOUD_PROFILE = "" }).secret_id)
  end)

  it("may have quotes, comments, blanks, CRLF and a byte order mark",
    function()
      for _, text in ipairs {
        '[default]\nsecret_id = "i"\nsecret_key=\'k\'',
        "# one\n; two\n\n[default] # three\n  secret_id\t=  i  \n"
          .. "\t; four\nSECRET_KEY: k ; five\nother = x = y\n",
        "\239\187\191[default]\r\nsecret_id = i\r\nsecret_key = \"k\"\r\n",
      } do
        assert.same({ secret_id = "i", secret_key = "k" },
          find(plain, { (of_ini(text)) }))
      end
    end)

  it("that is broken is said to be, without a line of it", function()
    for text, why in pairs {
      ["secret_id = s3cr3t\n"] = "(no such profile)", -- it is in no section
      [complete_ini .. "s3cr3t"] = "(line 4 is no setting)",
      [complete_ini .. "[s3cr3t\n"] = "(line 4 is no setting)",
      ['[default]\nsecret_id = "s3cr3t\n'] = "(line 2 is no setting)",
      ["\0\1\2"] = "(no such profile)",
      [""] = "(no such profile)",
      ["[other]\nsecret_id = i\nsecret_key = k"] = "(no such profile)",
      ["[default]\nsecret_id = s3cr3t\nsecret_key = ''"] = "(no secret_key)",
      ["[default]\nsecret_key = s3cr3t"] = "(no secret_id)",
      ["[default]\nsecret_id = s3\1cr3t\nsecret_key = k"] =
        "('secret_id' has a control character)",
      [("#"):rep(65537)] = "(too large)",
    } do
      local set, said = of_ini(text)
      assert.is_nil(set)
      assert.equal(why, said)
    end
  end)

  it("is the user's, else the machine's, else the one that is named",
    function()
      local asked = {}
      local source = require "balance.credentials.tencent_file"
      local function look(options, variables, content)
        asked = {}
        local context = environment(variables)
        context.home = "/home/u"
        function context.read(path)
          asked[#asked + 1] = path
          return content[path], "not there"
        end
        return source.find(options, context)
      end
      local user, machine = "/home/u/.tencentcloud/credentials",
        "/etc/tencentcloud/credentials"
      local _, place = look({}, {}, { [user] = complete_ini })
      assert.equal("~/.tencentcloud/credentials", place)
      _, place = look({}, {}, { [machine] = complete_ini })
      assert.equal(machine, place)
      assert.same({ user, machine }, asked)
      -- an incomplete file is passed by
      _, place = look({}, {}, { [user] = "[default]\nsecret_id = i",
        [machine] = complete_ini })
      assert.equal(machine, place)

      local variables = { TENCENTCLOUD_CREDENTIALS_FILE = "/v" }
      local files = { ["/v"] = complete_ini, ["/o"] = complete_ini,
        [user] = complete_ini }
      _, place = look({}, variables, files)
      assert.equal("the file of TENCENTCLOUD_CREDENTIALS_FILE", place)
      _, place = look({ credentials_file = "/o" }, variables, files)
      assert.equal("the file of option 'credentials_file'", place)
      assert.same({ "/o" }, asked)
      -- the other files are not read
      local set, places = look({ credentials_file = "/none" }, {}, files)
      assert.is_nil(set)
      assert.equal("the file of option 'credentials_file' (/none: not there)",
        places)
      assert.same({ "/none" }, asked)
    end)

  it("comes after the environment and before tccli's", function()
    write(ini, complete_ini)
    write(".tccli/default.credential", '{"secretId":"c","secretKey":"c"}')
    assert.equal("e", find(all, {}, environment { SPEC_ID = "e",
      SPEC_KEY = "e" }).secret_id)
    local set, place = find(all)
    assert.equal("i", set.secret_id)
    assert.equal("~/.tencentcloud/credentials", place)
    -- an incomplete environment is not completed from the file
    assert.same({ secret_id = "i", secret_key = "k" }, (find(all, {},
      environment { SPEC_ID = "e", SPEC_TOKEN = "e" })))
    write(ini, "broken")
    set, place = find(all)
    assert.equal("c", set.secret_id)
    assert.equal("~/.tccli/default.credential", place)
  end)

  it("that cannot be read is passed by", function()
    for _, path in ipairs { home, home .. "/none/file/" } do
      local set, message = find(tencent_file, { { credentials_file = path } })
      assert.is_nil(set)
      assert.matches("%(" .. path:gsub("%p", "%%%0") .. ": %l+ %l+ ?%l*%)$",
        message)
    end
    local _, message = find(tencent_file, { { credentials_file = home } })
    assert.matches("(" .. home .. ": not a file)", message, 1, true)
  end)
end)

describe("the credentials file of tccli", function()
  local function of_json(text)
    write(".tccli/default.credential", text)
    local set, message = find(tccli_file)
    return set, message:match "also looked at ~/%.tccli/%l+%.%l+ (%b())$"
  end

  it("is JSON", function()
    local set, place = find(tccli_file)
    assert.is_nil(set)
    assert.matches("(not there)", place, 1, true)
    assert.same({ secret_id = "i", secret_key = "k" },
      (of_json '{"secretId":"i ","secretKey":"k","token":null}'))
    assert.same({ secret_id = "i", secret_key = "k", token = "t" },
      (of_json '{"secretId":"i","secretKey":"k","token":"t","x":1}'))
  end)

  it("is of a profile", function()
    for _, name in ipairs { "default", "option", "variable" } do
      write((".tccli/%s.credential"):format(name),
        ('{"secretId":"of-%s","secretKey":"k"}'):format(name))
    end
    local context = environment { TCCLI_PROFILE = "variable" }
    assert.equal("of-default", find(tccli_file).secret_id)
    local set, place = find(tccli_file, {}, context)
    assert.equal("of-variable", set.secret_id)
    assert.equal("~/.tccli/variable.credential", place)
    assert.equal("of-option", find(tccli_file, { { profile = "option" },
      { profile = "variable" } }, context).secret_id)
  end)

  it("does not leave its directory", function()
    write("default.credential", '{"secretId":"i","secretKey":"k"}')
    for _, profile in ipairs { "../default", "..", "a/b", "/", "..\\default",
      "a\nb", "a\0b" } do
      local set, message = find(tccli_file, { { profile = profile } })
      assert.is_nil(set)
      assert.matches("; also looked at ~/.tccli "
        .. "(the profile's name cannot be a file's)", message, 1, true)
    end
  end)

  it("that is broken is said to be, without a line of it", function()
    for text, why in pairs {
      ["s3cr3t"] = "(not JSON)",
      ['{"secretId":"s3cr3t"'] = "(not JSON)",
      ['"s3cr3t"'] = "(not JSON)",
      [""] = "(not JSON)",
      ["{}"] = "(no keys)",
      ['{"secretId":"s3cr3t"}'] = "('secret_key' is missing or empty)",
      ['{"secretId":5,"secretKey":"k"}'] =
        "('secret_id' is a number, not a string)",
      ['{"secretId":"s3\\ncr3t","secretKey":"k"}'] =
        "('secret_id' has a control character)",
    } do
      local set, said = of_json(text)
      assert.is_nil(set)
      assert.equal(why, said)
    end
  end)

  it("holds what `tccli auth login` left until that expires", function()
    local text = '{"secretId":"i","secretKey":"k","token":"t","expiresAt":%d}'
    assert.is_table((of_json(text:format(1001))))
    local set, said = of_json(text:format(1000))
    assert.is_nil(set)
    assert.equal("(expired)", said)
  end)
end)

describe("a file of keys that others can read", function()
  -- The warnings about a file with these permission bits, and its path.
  local function warnings(mode, provider)
    local said, path = {}, nil
    find(provider or tencent_file, {}, {
      read_file = function(of)
        local text, problem = process.read(of), "missing"
        path = of
        return text, text and tonumber(mode, 8) or problem
      end,
      warn = function(message) said[#said + 1] = message end,
    })
    return said, path
  end

  it("is warned of", function()
    write(ini, complete_ini)
    write(".tccli/default.credential", '{"secretId":"i","secretKey":"k"}')
    for _, mode in ipairs { "644", "640", "604", "440", "1777" } do
      local said, path = warnings(mode)
      assert.equal(home .. "/" .. ini, path)
      assert.same({ ("%s can be read by others (mode %s), use chmod 600"):
        format(path, mode) }, said)
    end
    assert.equal(1, #warnings("644", tccli_file))
    assert.is_table(find(tencent_file, {}, { -- without a `warn`
      read_file = function(of) return process.read(of), 420 end }))
  end)

  it("is not, where only its owner can", function()
    write(ini, complete_ini)
    for _, mode in ipairs { "600", "400", "700", "622", "611" } do
      assert.same({}, (warnings(mode)))
    end
    os.remove(home .. "/" .. ini)
    assert.same({}, (warnings "644"))
  end)

  it("is found by its real mode", function()
    local path = home .. "/" .. ini
    write(ini, complete_ini)
    local said = 0
    local function search()
      find(tencent_file, {}, { read_file = core.read_file,
        warn = function() said = said + 1 end })
    end
    process.run("chmod 600 " .. path)
    search()
    assert.equal(0, said)
    process.run("chmod 640 " .. path)
    search()
    assert.equal(1, said)
  end)
end)

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
    write(ini, complete_ini)
    local layers = { { cvm_role = "good-last" } }
    assert.equal("i", find(all, layers).secret_id)
    os.remove(home .. "/" .. ini)
    assert.equal("id-good-last-1", find(all, layers).secret_id)
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
