//! Image files for tests: PNG by the crate `png`; JPEG of blocks of one colour each, whose pixels follow from the
//! standard (ITU-T T.81) without a discrete cosine transform.

/// A PNG file of `pixels`, row by row.
pub fn png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette(vec![0, 0, 0, 255, 0, 0, 0, 255, 0, 10, 20, 30]);
    }
    let mut writer = encoder.write_header().expect("the header fits");
    writer.write_image_data(pixels).expect("as many pixels as the header says");
    drop(writer);
    file
}

/// A baseline JPEG file of `columns` × `rows` blocks of 8 × 8 pixels. Each block has one value for each component: a
/// grey, or Y, Cb and Cr.
pub fn jpeg(columns: u16, rows: u16, blocks: &[Vec<u8>]) -> Vec<u8> {
    let components = blocks[0].len() as u8;
    let mut file = vec![0xff, 0xd8];
    // With 8 as the step of quantisation the mean of a block is 128 plus its first coefficient.
    segment(&mut file, 0xdb, &[&[0][..], &[8; 64]].concat());
    let [h, w] = [8 * rows, 8 * columns].map(u16::to_be_bytes);
    let mut frame = vec![8, h[0], h[1], w[0], w[1], components];
    let mut scan = vec![components];
    for id in 1..=components {
        frame.extend([id, 0x11, 0]);
        scan.extend([id, 0x00]);
    }
    segment(&mut file, 0xc0, &frame);
    // Numbers of bits 0 to 8 as codes of 4 bits, and one code of 1 bit for "no further coefficient".
    segment(&mut file, 0xc4, &[&[0x00, 0, 0, 0, 9][..], &[0; 12], &[0, 1, 2, 3, 4, 5, 6, 7, 8]].concat());
    segment(&mut file, 0xc4, &[&[0x10, 1][..], &[0; 15], &[0]].concat());
    scan.extend([0, 63, 0]);
    segment(&mut file, 0xda, &scan);
    let mut bits = String::new();
    let mut last = vec![0_i32; usize::from(components)];
    for block in blocks {
        for (value, last) in block.iter().zip(&mut last) {
            let mean = i32::from(*value) - 128;
            let difference = mean - *last;
            *last = mean;
            let size = 32 - difference.unsigned_abs().leading_zeros();
            bits += &format!("{size:04b}");
            if size > 0 {
                let code = if difference < 0 { difference + (1 << size) - 1 } else { difference };
                bits += &format!("{code:0width$b}", width = size as usize);
            }
            bits += "0";
        }
    }
    while !bits.len().is_multiple_of(8) {
        bits += "1";
    }
    for byte in bits.as_bytes().chunks(8) {
        let byte = byte.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
        file.push(byte);
        if byte == 0xff {
            file.push(0);
        }
    }
    file.extend([0xff, 0xd9]);
    file
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((content.len() as u16 + 2).to_be_bytes());
    file.extend(content);
}
