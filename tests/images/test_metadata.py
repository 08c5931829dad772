"""Embedded metadata: every generator's format, EXIF, XMP, raw blocks, and C2PA's states kept apart."""

import datetime
import io
import json

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from explorer.errors import ExplorerError
from explorer.images.c2pa_check import STATES, check_c2pa
from explorer.images.imported import recipe_from
from explorer.images.metadata import Generation, read_metadata
from explorer.records import ModelRef

A1111 = ("a red fox, by nobody\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, "
         "Seed: 1234567890, Size: 512x768, Model hash: abc123def0, Model: sd15, Clip skip: 2, "
         "Variation seed: 77, Variation seed strength: 0.2, Denoising strength: 0.4")
MODEL = ModelRef("world", "f" * 64, "sd1")


def _image():
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8))


def _png(**text):
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    out = io.BytesIO()
    _image().save(out, "PNG", pnginfo=info)
    return out.getvalue()


def test_a1111_png():
    found = read_metadata(_png(parameters=A1111))
    one = found.generation[0]
    assert (one.tool, one.prompt, one.negative_prompt) == ("AUTOMATIC1111", "a red fox, by nobody", "blurry")
    assert (one.seed, one.steps, one.guidance, one.sampler) == (1234567890, 20, 7.5, "Euler a")
    assert (one.width_px, one.height_px, one.strength, one.clip_skip) == (512, 768, 0.4, 2)
    assert (one.subseed, one.subseed_strength, one.model_hash) == (77, 0.2, "abc123def0")
    assert [b.text for b in found.raw if b.name == "PNG tEXt parameters"] == [A1111]


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
def test_a1111_jpeg_comment_in_either_byte_order(encoding):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode(encoding)
    exif[0x010F] = "Camera maker"
    out = io.BytesIO()
    _image().save(out, "JPEG", exif=exif)
    found = read_metadata(out.getvalue())
    assert found.exif["Make"] == "Camera maker"
    assert found.exif["UserComment"] == A1111
    assert found.generation[0].seed == 1234567890


def test_comfyui_png():
    prompt = {"3": {"class_type": "KSampler", "inputs": {
        "seed": 42, "steps": 25, "cfg": 8.0, "sampler_name": "dpmpp_2m", "scheduler": "karras",
        "denoise": 1.0,
        "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a boat", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "rain", "clip": ["4", 1]}}}
    found = read_metadata(_png(prompt=json.dumps(prompt), workflow=json.dumps({"links": []})))
    one = found.generation[0]
    assert (one.tool, one.prompt, one.negative_prompt) == ("ComfyUI", "a boat", "rain")
    assert (one.seed, one.steps, one.guidance, one.model_name) == (42, 25, 8.0, "v1-5.safetensors")


def test_invokeai_png():
    data = {"generation_mode": "txt2img", "positive_prompt": "a tree", "negative_prompt": "fog", "seed": 9,
            "steps": 30, "cfg_scale": 6.5, "scheduler": "ddim", "width": 512, "height": 512,
            "model": {"name": "sd-1", "key": "k", "hash": "h", "base": "sd-1", "type": "main"},
            "app_version": "4.2.0"}
    found = read_metadata(_png(invokeai_metadata=json.dumps(data)))
    one = found.generation[0]
    assert (one.tool, one.prompt, one.seed, one.steps, one.guidance) == ("InvokeAI", "a tree", 9, 30, 6.5)


def test_xmp_names_a_generator_and_entities_are_not_expanded():
    xmp = ('<x:xmpmeta xmlns:x="adobe:ns:meta/">'
           '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
           '<rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" e:DigitalSourceType="'
           'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/></rdf:RDF></x:xmpmeta>')
    for kind in ("JPEG", "WebP"):
        out = io.BytesIO()
        _image().save(out, kind, xmp=xmp.encode())
        found = read_metadata(out.getvalue())
        assert found.xmp_fields["DigitalSourceType"].endswith("trainedAlgorithmicMedia")
        assert any("generator" in note for note in found.notes)
    laughs = '<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><l x="1">&b;</l>'
    out = io.BytesIO()
    _image().save(out, "JPEG", xmp=laughs.encode())
    assert read_metadata(out.getvalue()).xmp_fields == {}


def test_nothing_embedded_and_bytes_after_the_end():
    plain = _png()
    found = read_metadata(plain)
    assert found.generation == () and found.raw == () and found.notes == ()
    assert read_metadata(plain + b"PK\x03\x04hidden").notes
    with pytest.raises(ExplorerError, match="a PDF"):
        read_metadata(b"%PDF-1.4")


@pytest.mark.parametrize("text", ["Steps: 9, Sampler: x, Seed: " + "9" * 5000, '{"3": [[[', "\x00\x01" * 40,
                                  "Steps: 20, Sampler: ../../etc, Seed: %s%n, CFG scale: {0}"])
def test_hostile_text_never_raises(text):
    text = text.replace("\0", " ")
    found = read_metadata(_png(parameters=text, prompt=text, workflow="{}"))
    assert all(g.seed is None or isinstance(g.seed, int) for g in found.generation)


def test_recipe_says_what_cannot_be_replayed():
    one = read_metadata(_png(parameters=A1111)).generation[0]
    recipe = recipe_from(one, MODEL)
    assert (recipe.scheduler, recipe.seed, recipe.clip_skip) == ("k_euler_a", 1234567890, 1)
    assert recipe.variation.subseed == 77 and recipe.noise_source == "cuda-philox"  # A1111's default
    assert recipe.dialect == "a1111" and not any("noise was drawn" in p for p in recipe.not_replayable)
    for told, source in (("NV", "a1111-nv-philox"), ("CPU", "torch-cpu"), ("GPU", "cuda-philox")):
        drawn = read_metadata(_png(parameters=f"{A1111}, RNG: {told}")).generation[0]
        assert recipe_from(drawn, MODEL).noise_source == source
    assert any("starting image" in p for p in recipe.not_replayable)
    assert any("abc123def0" in p for p in recipe.not_replayable)
    with pytest.raises(ExplorerError, match="a seed"):
        recipe_from(Generation(tool="Unknown", prompt="x", steps=3), MODEL)


@pytest.fixture(scope="module")
def signer():
    """A throw-away authority and a signing certificate under it, as PEM texts: (chain, key, anchor)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    now = datetime.datetime.now(datetime.UTC)

    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text),
                          x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests")])

    def certificate(subject, key, issuer, issuer_key, *, authority):
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                               "encipher_only", "decipher_only", "crl_sign"), False)
        public = issuer_key.public_key()
        builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=30))
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                   .add_extension(x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority,
                                                **usage), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False))
        if not authority:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=True)
        return builder.sign(issuer_key, hashes.SHA256())

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate("Root", root_key, "Root", root_key, authority=True)
    leaf = certificate("Signer", key, "Root", root_key, authority=False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    anchor = root.public_bytes(pem).decode()
    return leaf.public_bytes(pem).decode() + anchor, private, anchor


@pytest.fixture(scope="module")
def signed(signer):
    """A PNG with a C2PA manifest signed by the throw-away authority."""
    import c2pa
    chain, key, _ = signer
    info = c2pa.C2paSignerInfo(alg="es256", sign_cert=chain.encode(), private_key=key.encode(), ta_url=None)
    actions = [{"action": "c2pa.created", "digitalSourceType":
                "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}]
    manifest = {"claim_generator_info": [{"name": "tests", "version": "1"}], "title": "x",
                "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}]}
    out = io.BytesIO()
    with c2pa.Signer.from_info(info) as hand, c2pa.Builder(manifest) as builder:
        builder.sign(hand, "image/png", io.BytesIO(_png()), out)
    return out.getvalue()


def test_c2pa_states_are_kept_apart(signed, signer):
    assert read_metadata(_png()).c2pa.state == "absent"
    untrusted = read_metadata(signed).c2pa
    assert (untrusted.state, untrusted.signer) == ("untrusted", "Tests")
    assert "trainedAlgorithmicMedia" in untrusted.manifest
    assert check_c2pa(signed, "PNG", trust_anchors_pem=signer[2])["state"] == "valid"
    changed = bytearray(signed)
    changed[signed.index(b"IDAT") + 40] ^= 1
    assert check_c2pa(bytes(changed), "PNG")["state"] == "invalid"
    assert check_c2pa(b"BM" + bytes(40), "BMP")["state"] == "absent"
    broken = bytearray(signed)
    at = signed.index(b"jumb")
    broken[at:at + 60] = bytes(60)
    assert check_c2pa(bytes(broken), "PNG")["state"] in ("invalid", "absent")
    assert {"absent", "valid", "untrusted", "invalid", "not checked"} == set(STATES)
